/// Where a document stands that the program names, for whoever has the sources and for whoever has the package.
enum DocumentPlace {
    /// - Parameter name: of a file in `docs`, without `.md`.
    static func words(_ name: String) -> String { "docs/\(name).md (of the Debian package: /usr/share/doc/federation/\(name).md.gz)" }
}
