"""The two pictures of README, made of a real run: of its console and of its report."""
