"""Plan -> the files of other worlds. Pure, but for reading its own templates."""
