internal import FederationConfig
internal import FederationCrypto

/// Where a key or a certificate is that the configuration names.
enum AccessFile {
    /// - Parameter value: a path, seen from the configuration's directory; or `credential:NAME`, which the service manager
    ///   has laid out.
    static func path(_ value: String, beside configPath: String) -> String {
        guard let name = ConfigFile.credentialName(value) else { return ConfigFile.beside(configPath, value) }
        // Where none were given nothing is found, under a name that says why.
        return (Credentials.directory ?? "/$CREDENTIALS_DIRECTORY") + "/" + name
    }
}
