import FederationCore

/// A configuration without problems, and the text it came from.
package struct DecodedConfig: Sendable {
    package var config: Config
    /// What is allowed, but hardly meant.
    package var warnings: [ConfigWarning]
    let root: YAMLNode

    /// Where the value at `path` stands, or else the nearest thing around it: for what is found wrong only later.
    package func mark(of path: ConfigPath) -> Mark { root.nearest(to: path).at }
}

/// Everything that is wrong with a configuration, in the order of the text.
package struct ConfigProblems: Error, Hashable, Sendable {
    package var problems: [ConfigProblem]

    package init(problems: [ConfigProblem]) { self.problems = problems }

    /// One line for each, as `ConfigProblem.line(in:)` writes it.
    package func lines(in file: String) -> [String] { problems.map { $0.line(in: file) } }
}

extension Config {
    /// Reads a configuration file's bytes. Does no I/O; whatever the bytes, it does not trap.
    package static func decode(_ bytes: [UInt8], wires: WireRegistry = .plain) -> Result<DecodedConfig, ConfigProblems> {
        let document = YAMLDocument.parse(bytes)
        guard let root = document.root else { return .failure(ConfigProblems(problems: document.problems)) }
        var reader = MappingReader(root)
        let config = Config(reading: &reader, wires: wires)
        let problems = (document.problems + reader.finish()).sorted { $0.at < $1.at }
        guard problems.isEmpty else { return .failure(ConfigProblems(problems: problems)) }
        return .success(DecodedConfig(config: config, warnings: config.warnings(in: root), root: root))
    }

    private init(reading reader: inout MappingReader, wires: WireRegistry) {
        self.init(name: reader.require("name", .name) ?? "")
        data = reader.read("data", default: data, .path)
        listen = reader.optional("listen", .listenAddress)
        hosts = reader.list("hosts", .host)
        mode = reader.read("mode", default: mode, .oneOf)
        interval = reader.read("interval", default: interval, .duration(in: Config.intervals))
        quarantineAfter = reader.read(
            "quarantine_after", default: quarantineAfter, .integer(in: Config.quarantineTries))
        verify = reader.read("verify", default: verify, .oneOf)
        reader.mapping("log") { log in
            self.log.level = log.read("level", default: self.log.level, .oneOf)
            self.log.format = log.read("format", default: self.log.format, .oneOf)
        }
        reader.mapping("store") { store in
            self.store.maxSize = store.optional("max_size", .size(in: Config.storeSizes))
        }
        reader.mapping("access") { access = Access(reading: &$0) }
        reader.mapping("tls") { tls = TLS(reading: &$0) }
        reader.mapping("monitor") { monitor.listen = $0.optional("listen", .listenAddress) }
        reader.mapping("page") { page = Page(reading: &$0) }
        if page.tls, tls.certificate == nil { reader.report(.needsBeside("tls.certificate"), about: "page") }
        var others = OtherPeers(ownName: name)
        peers = reader.mappings("peers") { entry in
            Peer(reading: &entry, wires: wires, beside: &others)
        }.compactMap { $0 }
        replayers = Replayer.all(reading: &reader)
        if peers.count > Limits.configPeers { reader.report(.tooManyPeers(limit: Limits.configPeers), about: "peers") }
    }
}

extension Config.Peer {
    /// `nil` where the name, or both the endpoint and the id, are missing or wrong; the problem is noted.
    fileprivate init?(reading entry: inout MappingReader, wires: WireRegistry, beside others: inout OtherPeers) {
        let name = entry.require("name", .name)
        // Whoever comes to us must say in which name.
        let comesToUs = !entry.has("endpoint") && entry.has("id")
        let endpoint = comesToUs ? entry.optional("endpoint", .endpoint) : entry.require("endpoint", .endpoint)
        others.add(name: name, endpoint: endpoint, of: &entry)
        let mode = entry.read("mode", default: PeerMode.sync, .oneOf)
        let isPaused = entry.read("paused", default: false, .flag)
        let wire = entry.read("wire", default: WireChoice.auto, .wire)
        let interval = entry.optional("interval", .duration(in: Config.intervals))
        let timeout = entry.read("timeout", default: Limits.requestDeadline, .duration(in: Config.timeouts))
        let id = entry.optional("id", .identity)
        let verify = entry.optional("verify", ValueReader<Config.Verify>.oneOf)
        let publicKey = entry.optional("pubkey", .publicKey)
        let keyFile = entry.optional("key_file", .pathOrCredential)
        let authority = entry.optional("ca", .pathOrCredential)
        let tlsPin = entry.optional("tls_pin", .keyPin)
        let firstContact = entry.optional("first_contact", ValueReader<FirstContact>.oneOf)
        var settings: [AnyWireSettings] = []
        if case .only(let name) = wire, !wires.built.contains(name) {
            entry.report(.wireNotBuilt(name, built: wires.built), about: "wire")
            // Its own keys may well be right; only the wire could say.
            entry.reportOnlySlips()
        } else {
            settings = wires.read(wire, from: &entry)
            if comesToUs, case .only(let name) = wire, name != .native {
                entry.report(.wireCannotPush(name), about: "wire")
            }
        }
        guard let name, comesToUs ? id != nil : endpoint != nil else { return nil }
        self.init(name: name, endpoint: endpoint)
        self.mode = isPaused ? .paused : mode
        if isPaused, mode != .paused { resumesAs = mode }
        self.wire = wire
        self.interval = interval
        self.timeout = timeout
        self.id = id
        self.verify = verify
        self.publicKey = publicKey
        self.keyFile = keyFile
        self.authority = authority
        self.tlsPin = tlsPin
        self.firstContact = firstContact
        self.settings = settings
    }
}

/// The peers read so far, to notice one that is named or found as another is.
private struct OtherPeers {
    let ownName: String
    var names: [String: Mark] = [:]
    var endpoints: [Endpoint: Mark] = [:]

    mutating func add(name: String?, endpoint: Endpoint?, of entry: inout MappingReader) {
        if let name {
            if name == ownName { entry.report(.peerNamedLikeUs(name), about: "name") }
            if let first = names[name] { entry.report(.duplicatePeer(name, first: first), about: "name") }
            names[name] = names[name] ?? entry.at("name")
        }
        if let endpoint {
            if let first = endpoints[endpoint] {
                entry.report(.duplicateEndpoint(endpoint.url, first: first), about: "endpoint")
            }
            endpoints[endpoint] = endpoints[endpoint] ?? entry.at("endpoint")
        }
    }
}
