"""The command line: parse to typed objects, call the library, print an `Answer`, exit with an `ExitCode`."""
