"""The commands `unzip` and `zipinfo`: list and extract archives as Info-ZIP does, without a program."""
