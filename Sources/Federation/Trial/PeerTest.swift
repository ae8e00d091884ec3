internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore

/// `test-peer`: the steps of a first poll of an address that is not configured, and what it would bring. Nothing is
/// written, here or there.
package struct PeerTest: Sendable {
    package var endpoint: String
    package var configPath: String
    /// `auto`, `native` or `noema`.
    package var wire = "auto"
    /// As `PeerPreview.showsKey`.
    package var showsKey = false

    package init(endpoint: String, configPath: String) {
        self.endpoint = endpoint
        self.configPath = configPath
    }

    /// - Returns: the facts as JSON; that the peer could not be reached or read is one of them.
    /// - Throws: where this node itself cannot be read, or the endpoint is none.
    package func run() async throws(CommandFailure) -> [UInt8] {
        var preview = PeerPreview(endpoint: endpoint, configPath: configPath)
        preview.wire = wire
        preview.showsKey = showsKey
        let place = try preview.place()
        let node = try await preview.node()
        let result = await facts(preview, place, node)
        await node?.store.close()
        return try result.get()
    }

    private func facts(
        _ preview: PeerPreview, _ place: Endpoint, _ node: OpenedNode?
    ) async -> Result<[UInt8], CommandFailure> {
        let identity = node?.identity ?? PreviewStranger.identity
        let peer = PolledPeer(name: PreviewSample.giver, wireNamespace: preview.wire)
        let client = CurlClient()
        defer { client.close() }
        let (credentials, isWithheld) = preview.credentials(at: place)
        let transport = PeerTransport(
            client: client, endpoint: place.url, timeout: Limits.requestDeadline, credentials: { credentials })
        let ground = node.map { node in
            PeerTrialDriver.Ground(
                store: node.store, database: node.directory.database, isDaemon: false,
                intake: Intake(node.intakePolicy(recovers: false)), check: SignaturePolicy(node.file.config).check)
        }
        let driver = PeerTrialDriver(ground: ground, transport: transport)
        let trial = await driver.run(
            PeerTrial(
                preview.exchange, peer: peer, node: identity, memory: PeerMemory(), isTLS: place.scheme == .https,
                isNumeric: place.numericHost != nil, hasStore: node != nil))
        var report = PeerTestReport(entry: Config.Peer(name: "", endpoint: place), trial: trial, hasNode: node != nil)
        report.isKeyWithheld = isWithheld
        if trial.identity != nil { report.wires = await wires(of: trial, as: identity, over: transport) }
        do throws(StoreFailure) {
            if let node {
                report.standing = try await PeerStandingHere(of: trial.identity, at: place, in: node)
                report.taken = Set(node.file.config.peers.map(\.name) + [node.file.config.name])
            }
            if let page = trial.page {
                report.sample = node == nil
                    ? try await PreviewStranger.sample(page.items) : try node.map { (node) throws(StoreFailure) in
                        try PreviewRehearsal.sample(page.items, of: node)
                    }
            }
        } catch {
            return .failure(CommandFailure(error))
        }
        return .success(report.json)
    }

    /// Every wire that a node answers on there: the one that was spoken, and the others that say who answers.
    private func wires(
        of trial: PeerTrial, as node: NodeIdentity, over transport: PeerTransport
    ) async -> [WireName] {
        var found: [WireName] = []
        for (wire, exchange) in [(WireName.native, NativeWire().exchange()), (.noema, NoemaWire().exchange())] as [(WireName, any Exchange)] {
            if trial.wire == wire {
                found.append(wire)
                continue
            }
            var machine = PreviewMachine(exchange, node: node.id, pages: 0)
            machine.asksIdentityAlone = true
            var random = SystemRandom()
            let context = ExchangeContext(
                node: node, peerName: "", pinnedWire: nil, fetches: false, pushes: false, cursor: nil, position: nil,
                interval: .seconds(30), reach: .news, wireValues: [:], now: SystemClock.now(),
                nonce: (random.next(), random.next()))
            await PeerLook.carryOut(&machine, context, over: transport)
            if machine.identity?.id == trial.identity?.id { found.append(wire) }
        }
        return found
    }
}

/// What this node knows of who answers at an address.
struct PeerStandingHere: Sendable {
    /// Configured peers that are pinned as this identity, and those of this endpoint.
    var pinnedAs: [String] = []
    var configuredAs: [String] = []
    var isOurselves = false
    var pinnedKey: String?

    init() {}

    init(of peer: PeerIdentity?, at endpoint: Endpoint, in node: OpenedNode) async throws(StoreFailure) {
        configuredAs = node.file.config.peers.filter { $0.endpoint == endpoint }.map(\.name)
        guard let peer else { return }
        isOurselves = peer.id == node.identity.id
        (pinnedAs, pinnedKey) = try await node.store.read { (log) throws(StoreFailure) in
            let end = ":" + StateKey.OfPeer.identity.rawValue
            let pins = try log.states(prefix: "peer:").filter { $0.key.hasSuffix(end) && $0.value == peer.id.description }
            let names = pins.map { String($0.key.dropFirst("peer:".count).dropLast(end.count)) }
            return (names, try log.state(StateKey.publicKey(of: peer.id)))
        }
    }

    /// How the key that a peer shows stands to the one that is pinned for its identity.
    func keyStanding(_ peer: PeerIdentity?) -> String {
        guard let key = peer?.publicKey, !key.isEmpty else { return "none" }
        guard let pinnedKey, !pinnedKey.isEmpty else { return "new" }
        return pinnedKey == key ? "pinned" : "differs"
    }

    func members(_ peer: PeerIdentity?, _ writer: inout JSONWriter) {
        writer.member("ourselves", isOurselves)
        writer.member("pinned_as", pinnedAs)
        writer.member("key", keyStanding(peer))
    }
}
