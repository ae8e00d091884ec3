/// The version of this program, as peers see it and `federation --version` prints it.
package let programVersion = "0.2.0"
