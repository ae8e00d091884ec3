public import FederationCore

extension Config {
    /// Who may ask this node.
    public struct Access: Hashable, Sendable {
        /// The file that holds the ring's key, mode 0600; relative to the directory of the configuration file.
        public var sharedKeyFile: String?
        /// Listens beyond this machine without TLS or without a key, and sends keys in clear: said in so many words.
        public var allowOpen = false
        /// Addresses whose `X-Forwarded-For` is believed.
        public var proxies: [String] = []
        /// Addresses that a node which somebody else has named may have although they are not the open internet's.
        package var announcedAllow: [AddressRange] = []
        /// What becomes of a peer at first contact whose entry does not say who it is.
        public var firstContact = FirstContact.pin
        package init() {}
    }

    /// Where this node is watched.
    public struct Monitor: Hashable, Sendable {
        /// Where `/metrics`, `/healthz` and `/readyz` are answered, in clear.
        public var listen: ListenAddress?
        package init() {}
    }

    /// TLS: what this node shows as a server and asks of its clients, and what it shows as a client.
    public struct TLS: Hashable, Sendable {
        /// Where TLS is served, beside `listen`.
        public var listen: ListenAddress?
        /// The certificate and those that lead to its root, in PEM, and its key.
        public var certificate: String?
        public var key: String?
        /// Certificates in PEM that vouch for clients; with it a client must have one.
        public var clientAuthority: String?
        /// What is shown to peers that ask for a certificate.
        public var clientCertificate: String?
        public var clientKey: String?
        package init() {}
    }
}

extension Config.Access {
    init(reading reader: inout MappingReader) {
        sharedKeyFile = reader.optional("shared_key_file", .pathOrCredential)
        allowOpen = reader.read("allow_open", default: false, .flag)
        proxies = reader.list("proxies", .address)
        announcedAllow = reader.list("announced_allow", .addressRange)
        firstContact = reader.read("first_contact", default: firstContact, .oneOf)
    }
}

extension Config.TLS {
    init(reading reader: inout MappingReader) {
        listen = reader.optional("listen", .listenAddress)
        certificate = reader.optional("certificate", .pathOrCredential)
        key = reader.optional("key", .pathOrCredential)
        clientAuthority = reader.optional("client_ca", .pathOrCredential)
        clientCertificate = reader.optional("client_certificate", .pathOrCredential)
        clientKey = reader.optional("client_key", .pathOrCredential)
        for (one, other) in [
            ("certificate", "key"), ("key", "certificate"), ("listen", "certificate"), ("client_ca", "listen"),
            ("client_certificate", "client_key"), ("client_key", "client_certificate"),
        ] where reader.has(one) && !reader.has(other) {
            reader.report(.needsBeside(other), about: one)
        }
    }
}

extension DecodedConfig {
    /// What may not be, given whether a ring key comes from the environment: a listener that others than this machine
    /// reach must be TLS and must ask for a key or a certificate, and no key may cross a network in clear.
    package func openings(hasEnvironmentKey: Bool) -> [ConfigProblem] {
        var problems: [ConfigProblem] = []
        func report(_ reason: ConfigProblem.Reason, _ path: ConfigPath) {
            problems.append(ConfigProblem(at: mark(of: path), path: path, reason: reason))
        }
        let listeners: [(ListenAddress?, ConfigPath)] = [
            (config.listen, [.key("listen")]), (config.tls.listen, [.key("tls"), .key("listen")]),
            (config.monitor.listen, [.key("monitor"), .key("listen")]),
            (config.page.listen, [.key("page"), .key("listen")]),
        ]
        for case (let listen?, let path) in listeners where listen.isUnspecified && config.hosts.isEmpty {
            // A request names an address that is not known here, and would be refused as a foreign page's.
            report(.openWithoutName(listen), path)
        }
        let hasRingKey = hasEnvironmentKey || config.access.sharedKeyFile != nil
        let asks = hasRingKey || config.tls.clientAuthority != nil || config.peers.contains { $0.keyFile != nil }
        if let problem = config.pageProblem(asksElsewhere: asks) { report(problem, [.key("page"), .key("listen")]) }
        guard !config.access.allowOpen else { return problems.sorted { $0.at < $1.at } }
        if let listen = config.listen, !listen.isLoopback { report(.openWithoutTLS(listen), [.key("listen")]) }
        if let listen = config.monitor.listen, !listen.isLoopback {
            report(.monitorInClear(listen), [.key("monitor"), .key("listen")])
        }
        if let listen = config.tls.listen, !listen.isLoopback, !asks {
            report(.openWithoutKey(listen), [.key("tls"), .key("listen")])
        }
        for (index, peer) in config.peers.enumerated() where hasRingKey || peer.keyFile != nil {
            guard let endpoint = peer.endpoint, endpoint.scheme == .http, !endpoint.isLoopback else { continue }
            report(.keyInClear, [.key("peers"), .index(index), .key("endpoint")])
        }
        return problems.sorted { $0.at < $1.at }
    }
}

extension ValueReader where Value == String {
    /// A numeric address, IPv4 or IPv6, in its shortest spelling.
    static var address: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard let address = IPAddress(text) else { throw .notAnAddress(text) }
            return address.text
        }
    }
}

extension ValueReader where Value == AddressRange {
    /// A numeric address, or such a one with a number of bits behind a slash.
    static var addressRange: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            guard let range = AddressRange(text) else { throw .notAnAddressRange(text) }
            return range
        }
    }
}

extension ValueReader where Value == Digest {
    /// `sha256:` and the hexadecimal SHA-256 of a SubjectPublicKeyInfo.
    static var keyPin: ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            let digits = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : ""
            guard let digest = Digest(hex: digits) else { throw .notAPin(text) }
            return digest
        }
    }
}

extension Endpoint {
    /// Whether it is on this machine whatever a name server says.
    package var isLoopback: Bool {
        if host == .name("localhost") { return true }
        return IPAddress(host.text)?.isLoopback ?? false
    }
}
