"""The command line: parse, call one verb of `cmo.service` or one view, write the answer."""
