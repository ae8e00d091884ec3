internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP

/// One conversation with a configured peer that asks who it is, and nothing else.
struct PeerLook: Sendable {
    let node: OpenedNode
    let entry: Config.Peer
    /// What goes with each request; `nil` for what the configuration says of the entry.
    var credentials: ChannelCredentials?

    /// What came of it: an identity, or why there is none.
    func identity(pinnedWire: WireName?) async -> PreviewMachine {
        let config = node.file.config
        let access = NodeAccess()
        if self.credentials == nil { _ = try? access.take(config, beside: node.file.path, now: SystemClock.now()) }
        let credentials = self.credentials ?? access.credentials(for: entry, of: config, beside: node.file.path)
        let client = CurlClient()
        defer { client.close() }
        let transport = PeerTransport(
            client: client, endpoint: entry.endpoint?.url ?? "", timeout: entry.timeout, credentials: { credentials })
        let wires = Wires(meshSets: MeshSets()) { [] }
        var machine = PreviewMachine(wires.exchange(for: entry.wire), node: node.identity.id, pages: 0)
        machine.asksIdentityAlone = true
        var random = SystemRandom()
        let context = ExchangeContext(
            node: node.identity, peerName: entry.name, pinnedWire: pinnedWire, fetches: false, pushes: false, cursor: nil,
            position: nil, interval: config.interval(for: entry), reach: .news, wireValues: [:], now: SystemClock.now(),
            nonce: (random.next(), random.next()))
        await PeerLook.carryOut(&machine, context, over: transport)
        return machine
    }

    /// Carries out what a machine asks for.
    static func carryOut(_ machine: inout PreviewMachine, _ context: ExchangeContext, over transport: PeerTransport) async {
        var effect = machine.begin(context)
        while case .send(let request, let seals) = effect {
            let answer: Result<HTTPResponse, TransportFailure>
            do throws(TransportFailure) {
                answer = .success(try await transport.perform(request, seals: seals))
            } catch {
                answer = .failure(error)
            }
            effect = machine.answered(answer, now: SystemClock.now())
        }
    }
}
