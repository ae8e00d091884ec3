internal import FederationCore

extension Config {
    /// Where people look at this node with a browser.
    public struct Page: Hashable, Sendable {
        /// Where the page is served.
        public var listen: ListenAddress?
        /// Over TLS, with the certificate of `tls`.
        public var tls = false
        /// The file with the key of whoever looks, mode 0600: the page's own, with which one also writes.
        public var keyFile: String?
        package init() {}
    }
}

extension Config.Page {
    init(reading reader: inout MappingReader) {
        listen = reader.optional("listen", .listenAddress)
        tls = reader.read("tls", default: false, .flag)
        keyFile = reader.optional("key_file", .pathOrCredential)
        for key in ["tls", "key_file"] where reader.has(key) && !reader.has("listen") {
            reader.report(.needsBeside("listen"), about: key)
        }
    }
}

extension Config {
    /// Whether the page stands open: whoever others reach it as, or whoever is kept out of the log elsewhere.
    ///
    /// `allow_open` does not open it: whoever reads the page reads every record, with no more than a browser.
    func pageProblem(asksElsewhere: Bool) -> ConfigProblem.Reason? {
        guard let listen = page.listen else { return nil }
        if page.keyFile == nil, !listen.isLoopback || asksElsewhere { return .pageWithoutKey }
        return listen.isLoopback || page.tls || access.allowOpen ? nil : .pageWithoutTLS(listen)
    }
}
