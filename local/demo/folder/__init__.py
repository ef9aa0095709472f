"""The tour with any folder of files, with checks that are made from the files and the tables themselves."""
