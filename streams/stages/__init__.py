"""What each stage reads, its steps, what it writes. No stage touches an offset, a producer or a store."""
