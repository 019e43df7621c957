"""The command line: one small file a verb, each of which parses, calls and prints."""
