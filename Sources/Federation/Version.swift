/// The version of this program, as peers see it and `federation --version` prints it.
public let programVersion = "0.2.0"
