"""Turn rows into records, or into all their problems with cells. Pure: reads no file, asks no target."""
