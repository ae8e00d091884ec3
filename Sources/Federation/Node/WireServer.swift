internal import FederationCore
internal import FederationCrypto
internal import FederationStore
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Answers peers: finds the wire that a path belongs to, lets it decide, commits what it says must be on disk, and
/// only then gives its answer.
struct WireServer: Sendable {
    let store: SQLiteStore
    /// This node, as it is at the time.
    let node: @Sendable () -> NodeIdentity
    let wires: [any Wire]
    let requestGuard: RequestGuard
    let access: NodeAccess
    let logger: Logger
    /// Commits a route's page and values, as a poll's are committed.
    let commit: @Sendable (RouteCommit) async throws(StoreFailure) -> PageOutcome
    /// Tells whoever polls that a peer showed itself.
    let contact: @Sendable (Contact) -> Void
    /// Starts a conversation with a configured peer.
    let callBack: @Sendable (String, any Exchange) async -> Void
    let statusText: @Sendable (any LogReading) throws(StoreFailure) -> String
    /// The mode of a peer, by its entry.
    let mode: @Sendable (String) -> PeerMode?
    /// What is known of a node that a request names.
    let acquaintance: @Sendable (ULID, any LogReading) throws(StoreFailure) -> Acquaintance
    /// Whether a person has still to say who a peer is.
    let waits: @Sendable (String, any LogReading) throws(StoreFailure) -> Bool
    /// The entry of a peer that comes to us under this identity.
    let pusher: @Sendable (ULID) -> PushingPeer?
    let held: HeldRequests
    let pushes = PushGate()

    /// A request that shows somebody to be alive, with what is known of whom.
    struct Contact: Sendable {
        var peerName: String?
        var claimedNode: ULID?
        var remoteAddress: String
        /// Who the peers are, where the request names anybody.
        var identities: [String: ULID]
    }

    /// What is known here of a node that a request names.
    struct Acquaintance: Sendable {
        /// The entry that it is, by its `id` or by the pin.
        var peerName: String?
        /// Its public key, by the configuration or by the pin.
        var key: String?
        /// Of every entry that it is.
        var modes: [PeerMode]
        /// Who each peer is, by its entry or by its pin.
        var identities: [String: ULID]
    }

    /// What one view of the log says to a request.
    private struct Reply: Sendable {
        var route: RouteReply
        var known: Acquaintance?
        var proof: Proof?
    }

    /// Whether a request's proof holds under a key that its sender may have.
    private struct Proof: Sendable {
        var key: String
        var holds: Bool
    }

    func answer(_ request: ServedRequest) async -> HTTPResponse {
        if let (status, cause) = requestGuard.check(request.fields).refusal { return refusal(status, cause) }
        var request = request
        let sender: NodeAccess.Sender
        do throws(AccessFailure) {
            sender = try access.admit(request)
            request.remoteAddress = sender.address
        } catch {
            return error.response
        }
        let response = await answer(request, from: sender)
        if let cause = RefusedRequests.Cause(of: response, to: request) { access.count(cause) }
        return response
    }

    private func answer(_ request: ServedRequest, from sender: NodeAccess.Sender) async -> HTTPResponse {
        guard let wire = wires.first(where: { $0.routes.contains { covers($0, request.path) } }) else {
            return refusal(404, "not_found")
        }
        do throws(StoreFailure) {
            guard NativePushRoute.isPush(request) else { return try await answer(request, from: sender, by: wire) }
            let answered = try await pushes.pass { () throws(StoreFailure) in
                try await answer(request, from: sender, by: wire)
            }
            return answered ?? refusal(429, "busy", names: true)
        } catch {
            logger.error("a request could not be answered", ["path": request.path, "store": "\(error)"])
            return refusal(503, "store", names: true)
        }
    }

    private func answer(
        _ request: ServedRequest, from sender: NodeAccess.Sender, by wire: any Wire
    ) async throws(StoreFailure) -> HTTPResponse {
        let first = try await reply(to: request, from: sender, by: wire)
        let reply = first.route
        var outcome: PageOutcome?
        if reply.isRefusedCall { access.count(.call) }
        if let commit = reply.commit {
            outcome = try await self.commit(commit)
            #if FAIL_POINTS
                FailPoint.pushCommitted.pass()
            #endif
        }
        contact(
            Contact(
                peerName: reply.contactWith, claimedNode: reply.claimedNode, remoteAddress: request.remoteAddress,
                identities: first.known?.identities ?? [:]))
        if let (peer, exchange) = reply.callBack { await callBack(peer, exchange) }
        var response = reply.response(outcome)
        if let hold = reply.hold {
            let later = try await held.hold(from: request.remoteAddress) { () throws(StoreFailure) in
                _ = await store.commits.wait(past: hold.past, atMost: hold.atMost)
                guard access.stillAdmits(request, as: sender) else { return AccessFailure.key.response }
                return try await self.reply(to: request, from: sender, by: wire, after: first).route.response(nil)
            }
            if later == nil { access.count(.holds) }
            response = later ?? response
        }
        return wire.name == .native ? NativePageCoding.coded(response, for: request) : response
    }

    /// Who asks and what is answered, from one view of the log.
    ///
    /// - Parameter held: what was found when the request came, where it was held since.
    private func reply(
        to request: ServedRequest, from sender: NodeAccess.Sender, by wire: any Wire, after held: Reply? = nil
    ) async throws(StoreFailure) -> Reply {
        try await store.read { (view) throws(StoreFailure) in
            var node = node()
            let claimed = request.fields[NativeField.node].flatMap { ULID($0) }
            var known: Acquaintance?
            if let claimed { known = try acquaintance(claimed, view) }
            var modes = known?.modes ?? []
            if case .peer(let name) = sender.caller, let mode = mode(name) { modes.append(mode) }
            switch PeerService(to: modes, by: node.mode) {
            case .given: break
            case .turnedAway: node.mode = .subscribe
            case .leftAlone: return Reply(route: RouteReply(WireServer.notNow), known: known)
            }
            let key = known?.key.flatMap { VerifyingKey($0) }
            let proof = proof(of: request, by: claimed, key, named: known?.key, found: held?.proof)
            var peerName = proof?.holds == true ? known?.peerName : nil
            var pusher = claimed.flatMap { self.pusher($0) }
            if case .peer(let name) = sender.caller {
                // Its key opens the door. What is given by name is for whom a person knows, where that is asked for.
                peerName = try waits(name, view) ? nil : name
                if pusher?.name != name { pusher = nil }
            }
            // Whoever has proved to be one peer brings nothing in another's name.
            if let peerName, pusher?.name != peerName { pusher = nil }
            var random = SystemRandom()
            var context = RouteContext(
                node: node, now: SystemClock.now(), nonce: (random.next(), random.next()), sha256: sha256,
                peerName: peerName, statusText: statusText)
            context.mayHold = held == nil
            context.couldProve = key != nil
            context.pusher = pusher
            context.isSigned = { bytes, signature, key in
                guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
                return key.verify(signature, of: bytes)
            }
            return Reply(route: try wire.respond(to: request, context: context, view: view), known: known, proof: proof)
        }
    }

    /// For one that is left alone: it waits, and comes again.
    private static let notNow = HTTPResponse(
        status: HTTPResponse.busy, fields: ["Content-Type": "application/json", "Retry-After": "30"],
        body: Array("{\"error\":{\"code\":\"paused\"}}".utf8))

    /// Whether a request proves to come from the node that it names; `nil` where it does not try, or nobody could tell. A
    /// proof that does not hold is counted, and proves nothing: clocks differ, and keys are renewed.
    ///
    /// - Parameter found: what was found out of this request before.
    private func proof(
        of request: ServedRequest, by claimed: ULID?, _ key: VerifyingKey?, named text: String?, found: Proof?
    ) -> Proof? {
        guard let claimed, let key, let text, let field = request.fields[NodeProof.field] else { return nil }
        // A proof that held when the request came is none the worse for having been kept waiting.
        if let found, found.key == text { return found }
        let holds = NodeProof(field)?.holds(
            for: request, from: claimed, to: node().id, at: SystemClock.now(), sha256: sha256
        ) { preimage, signature in Signature(signature).map { key.verify($0, of: preimage) } ?? false }
        if holds != true { access.count(.proof) }
        return Proof(key: text, holds: holds == true)
    }

    private func covers(_ prefix: String, _ path: String) -> Bool {
        path == prefix || path.hasPrefix(prefix) && path.utf8.dropFirst(prefix.utf8.count).first == 0x2F
    }

    private func refusal(_ status: Int, _ cause: RefusedRequests.Cause) -> HTTPResponse {
        access.count(cause)
        return refusal(status, cause.rawValue)
    }

    /// - Parameter names: says who refuses, so that a node that pushes believes it. A foreign page learns nothing.
    private func refusal(_ status: Int, _ code: String, names: Bool = false) -> HTTPResponse {
        var fields: HTTPFields = ["Content-Type": "application/json"]
        if names { fields[NativeField.node] = node().id.description }
        return HTTPResponse(
            status: status, fields: fields, body: Array("{\"error\":{\"code\":\"\(code)\"}}".utf8))
    }
}
