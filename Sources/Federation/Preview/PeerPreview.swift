internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore
internal import Glibc

/// What a peer is and what it would send, before it is added: nothing is written, here or there.
///
/// The events are taken in inside a transaction that is rolled back, so that each is judged as it would be. It works
/// beside a running daemon, and without a node: then the peer is seen as a new node would see it.
package struct PeerPreview: Sendable {
    package var endpoint: String
    package var configPath: String
    /// `auto`, `native` or `noema`.
    package var wire = "auto"
    package var pages = 3
    /// Shows the ring's key, where it does not cross a network in clear, and the client certificate to an endpoint that no
    /// peer is configured with.
    package var showsKey = false
    /// The endpoint was named by somebody else: it is asked without any key, and only at addresses that this lets pass.
    private var addresses: AddressGuard?

    package init(endpoint: String, configPath: String) {
        self.endpoint = endpoint
        self.configPath = configPath
    }

    /// A preview of the node that was announced under a name.
    ///
    /// - Throws: also where none was.
    package init(announced name: String, configPath: String) async throws(CommandFailure) {
        let found = try await AnnouncedPeer.find(name, configPath: configPath)
        self.init(endpoint: found.announcement.endpoint, configPath: configPath)
        addresses = found.addresses
    }

    /// - Returns: the facts as JSON; that the peer could not be reached or read is one of them.
    /// - Throws: where this node itself cannot be read, or the endpoint is none.
    package func run() async throws(CommandFailure) -> [UInt8] {
        let address = try place()
        let node = try await node()
        let identity = node?.identity ?? PreviewStranger.identity
        var machine = PreviewMachine(exchange, node: identity.id, pages: pages)
        let isWithheld = await look(&machine, at: address, as: identity)
        var report = PreviewReport(endpoint: address.url, machine: machine, hasNode: node != nil)
        report.isKeyWithheld = isWithheld
        do throws(StoreFailure) {
            if let node {
                try await report.compare(with: node, endpoint: address)
                report.sample = try PreviewRehearsal.sample(machine.items, of: node)
            } else {
                report.sample = try await PreviewStranger.sample(machine.items)
            }
        } catch {
            await node?.store.close()
            throw CommandFailure(error)
        }
        await node?.store.close()
        return report.json
    }

    func place() throws(CommandFailure) -> Endpoint {
        do { return try Endpoint(endpoint) } catch {
            throw CommandFailure(
                .configProblems, list: ["ENDPOINT: \(ConfigProblem.Reason.endpoint(error, found: endpoint).text)"])
        }
    }

    var exchange: any Exchange {
        switch WireName(rawValue: wire) {
        case .native: NativeWire().exchange()
        case .noema: NoemaWire().exchange()
        default: AutoExchange()
        }
    }

    func node() async throws(CommandFailure) -> OpenedNode? {
        guard access(configPath, F_OK) == 0 else { return nil }
        do throws(CommandFailure) { return try await OpenedNode(configPath: configPath, use: .read) } catch {
            if error.code == .notInitialised { return nil }
            throw error
        }
    }

    /// What goes with the requests: to whom the configuration names at this endpoint what it is shown in a poll, to anybody
    /// else nothing, unless `showsKey`. Whoever has the ring's key opens every node of the ring.
    ///
    /// - Returns: also whether something was kept back that a configured peer of this endpoint would be shown.
    func credentials(at endpoint: Endpoint) -> (shown: ChannelCredentials, isWithheld: Bool) {
        guard let file = try? ConfigFile.load(configPath) else { return (ChannelCredentials(), false) }
        let access = NodeAccess()
        _ = try? access.take(file.config, beside: configPath, now: SystemClock.now())
        let known = file.config.peers.first { $0.endpoint == endpoint }
        let all = access.credentials(
            for: known ?? Config.Peer(name: "", endpoint: endpoint), of: file.config, beside: configPath)
        if known != nil || showsKey { return (all, false) }
        return (ChannelCredentials(), all.bearer != nil || all.certificate != nil)
    }

    /// Carries out what the machine asks for.
    ///
    /// - Returns: whether a key or a certificate was kept back.
    private func look(_ machine: inout PreviewMachine, at endpoint: Endpoint, as node: NodeIdentity) async -> Bool {
        let client = CurlClient()
        defer { client.close() }
        var (credentials, isWithheld) = addresses == nil ? credentials(at: endpoint) : (ChannelCredentials(), false)
        credentials.addresses = addresses
        let transport = PeerTransport(
            client: client, endpoint: endpoint.url, timeout: Limits.requestDeadline, credentials: { [credentials] in credentials })
        var random = SystemRandom()
        let context = ExchangeContext(
            node: node, peerName: "", pinnedWire: nil, fetches: true, pushes: false, cursor: nil, position: nil,
            interval: .seconds(30), reach: .news, wireValues: [:], now: SystemClock.now(),
            nonce: (random.next(), random.next()))
        await PeerLook.carryOut(&machine, context, over: transport)
        return isWithheld
    }
}

/// The judgement of this node, on its own log.
enum PreviewRehearsal {
    static func sample(_ items: [PulledItem], of node: OpenedNode) throws(StoreFailure) -> PreviewSample {
        let intake = Intake(node.intakePolicy(recovers: false))
        return try SQLiteStore.rehearse(at: node.directory.database) { (log: inout SQLiteLog) throws(StoreFailure) in
            try PreviewSample(of: items, intake: intake, now: SystemClock.now(), in: &log)
        }
    }
}

/// The judgement of a node that has nothing yet.
enum PreviewStranger {
    static var identity: NodeIdentity {
        var random = SystemRandom()
        return NodeIdentity(
            id: ULID(at: SystemClock.now(), using: &random), name: "preview", version: programVersion, mode: .sync,
            publicKey: nil)
    }

    static func sample(_ items: [PulledItem]) async throws(StoreFailure) -> PreviewSample {
        guard let directory = PrivateDirectory.make("federation-preview") else { throw .cannotOpen }
        let database = directory + "/preview.db"
        defer {
            for end in ["", "-wal", "-shm"] { unlink(database + end) }
            rmdir(directory)
        }
        let store = try SQLiteStore(path: database, access: .scratch)
        let policy = IntakePolicy(node: identity.id, sha256: sha256, isOwnSignature: { _, _ in false })
        let result: Result<PreviewSample, StoreFailure>
        do throws(StoreFailure) {
            result = .success(
                try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                    try PreviewSample(of: items, intake: Intake(policy), now: SystemClock.now(), in: &log)
                })
        } catch { result = .failure(error) }
        await store.close()
        return try result.get()
    }
}
