"""Hand-over files: what other programs open, written so that nothing is lost on the way without a word.

Every format is one module that turns a :class:`.table.FileTable` into what it can carry (``carry`` says what it cannot)
and writes that; ``publish`` gives a file its name only after it was read back and is what was meant.
"""
