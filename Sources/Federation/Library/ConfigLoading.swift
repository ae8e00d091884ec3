public import FederationConfig

extension Config {
    /// Reads a configuration file, without opening the node.
    ///
    /// - Throws: `configProblems` with one line for each problem, its place first.
    public static func load(_ path: String) throws(CommandFailure) -> Config { try loadConfig(path).config }
}
