import FederationCore
import FederationHTTP

/// `POST /federation/v1/events` with a page: a peer that cannot be asked brings what we would ask it for.
///
/// The page is judged as a pulled one is. That it is the peer's is proved by its signature, and that it follows what is
/// here by the position it begins at: what was sent before leads on from a position that is not held any more.
struct NativePushRoute {
    let view: any LogReading
    let context: RouteContext
    let greeting: NativeGreeting

    static let notWanted = "not_wanted"

    /// Whether a request to the path of events brings a page, and does not ask for one.
    static func isPush(_ request: ServedRequest) -> Bool {
        request.method == "POST" && request.path == NativeRoutes.eventsPath
            && request.fields.mediaType == NativeRoutes.pageType
    }

    func reply(to request: ServedRequest) throws(StoreFailure) -> RouteReply {
        do throws(Problem) {
            let commit = try judged(request)
            return RouteReply(commit: RouteCommit(commit)) { [greeting] in NativePushRoute.response($0, to: commit, greeting) }
        } catch {
            switch error {
            case .store(let failure): throw failure
            case .refused(let refusal): return RouteReply(refusal.response(fields: greeting.fields))
            case .waits(let commit):
                let refusal = NativeRoutes.Refusal(
                    status: 403, code: NativePushRoute.notWanted, message: "A person here has to confirm that node first.")
                return RouteReply(commit: commit.map { RouteCommit($0) }) { [greeting] _ in
                    refusal.response(fields: greeting.fields)
                }
            case .elsewhere(let position): return RouteReply(NativePushRoute.elsewhere(position, greeting))
            }
        }
    }

    private enum Problem: Error {
        case store(StoreFailure)
        case refused(NativeRoutes.Refusal)
        case elsewhere(String?)
        /// It is remembered, and nothing is taken of it.
        case waits(PeerCommit?)

        static func refused(_ status: Int, _ code: String, _ message: String) -> Problem {
            .refused(NativeRoutes.Refusal(status: status, code: code, message: message))
        }
    }

    /// What is cheap is looked at first, and nothing is decoded before it is known whose it is.
    private func judged(_ request: ServedRequest) throws(Problem) -> PeerCommit {
        guard let pusher = context.pusher, pusher.id != context.node.id else {
            throw .refused(403, NativePushRoute.notWanted, "This node takes no events from the node that asks.")
        }
        var sender: PeerIdentity
        do throws(ExchangeFailure) { sender = try NativePeer.identity(fields: request.fields) } catch {
            throw .refused(400, "invalid_node", "The fields do not say who pushes.")
        }
        guard let from = position(request, NativeField.from), let to = position(request, NativeField.position),
            let signature = request.fields[NativeField.signature]
        else {
            let names = "\(NativeField.from), \(NativeField.position) and \(NativeField.signature)"
            throw .refused(400, "invalid_push", "\(names) say what is pushed, and who vouches for it.")
        }
        let memory: PeerMemory
        var question = PeerQuestion(peer: pusher.name, wireNamespace: pusher.wireNamespace, keyOwner: pusher.id)
        question.expectedKey = pusher.expectedKey
        sender.successions = NativePush.successions(request.fields[NativeField.successions], of: pusher.id)
        question.successions = sender.successions
        let check: SignatureCheck = { [isSigned = context.isSigned] in isSigned($0, $1, $2) }
        do throws(StoreFailure) { memory = try PeerMemory(question, from: view, check: check) } catch { throw .store(error) }
        guard memory.pin == nil || memory.pin == pusher.id else {
            throw .refused(403, "identity_mismatch", "Another node is known by this name here.")
        }
        guard NativePush.text(memory.position) == from else { throw .elsewhere(memory.position) }
        let key = try provenKey(sender, pusher, memory)
        let coding = request.fields["Content-Encoding"].map { $0.lowercased() } ?? NativePush.plain
        let behind: Int
        do throws(ExchangeFailure) { behind = try NativeAttestations.count(in: request.fields) } catch {
            throw .refused(400, "invalid_push", "\(NativeField.attestations) must be a number of lines.")
        }
        let preimage = NativePush.preimage(
            from: pusher.id, to: context.node.id, after: from, through: to, coding: coding,
            attestations: behind, bodyHash: context.sha256(request.body))
        guard context.isSigned(preimage, signature, key) else {
            throw .refused(403, "bad_signature", "The signature is not that node's over this page.")
        }
        if pusher.rule(own: context.node.id).asks(memory.pairing) { throw .waits(waiting(pusher, memory, key: key)) }
        let (items, attestations) = try contents(of: request, coding: coding, attestations: behind)
        let page = PulledPage(items: items, cursor: from == to ? .none : .position(to), attestations: attestations)
        return commit(page, sender, pusher, memory, key: key)
    }

    private func position(_ request: ServedRequest, _ name: String) -> String? {
        guard let text = request.fields[name], text.isHeaderToken, text.utf8.count <= Limits.positionLength else { return nil }
        return text
    }

    /// The key that the page has to be signed with: the one that the configuration or a person has named, or the pinned
    /// one, or what succeeded it; or else the one first shown.
    private func provenKey(
        _ sender: PeerIdentity, _ pusher: PushingPeer, _ memory: PeerMemory
    ) throws(Problem) -> String {
        // What is no key is as good as none: it must neither be pinned nor take a pin away.
        let shown = sender.publicKey.flatMap { PublicKey($0)?.text }
        let insisted = pusher.expectedKey ?? memory.pairing.flatMap { $0.isPaired ? $0.key : nil }
        guard let key = memory.successor ?? insisted ?? memory.key ?? shown else {
            throw .refused(403, "bad_signature", "No key of that node is known, and it shows none.")
        }
        guard shown.map({ PublicKey.isSame(key, $0) }) ?? true else {
            throw .refused(403, "wrong_key", "That node is known here by another key.")
        }
        return key
    }

    private func contents(
        of request: ServedRequest, coding: String, attestations behind: Int
    ) throws(Problem) -> ([PulledItem], [Attestation]) {
        var body = request.body
        switch coding {
        case NativePush.plain: break
        case Zstd.name:
            switch Zstd.decode(body, limit: Limits.requestBytes) {
            case .success(let decoded): body = decoded
            case .failure(.tooLong): throw .refused(413, "too_large", "The page is longer than a request may be.")
            case .failure(.undecodable): throw .refused(400, "invalid_page", "The body is not in the coding it says.")
            }
        default: throw .refused(415, "content_coding", "The body may be plain or \(Zstd.name).")
        }
        do throws(ExchangeFailure) {
            let lines = try ReadLines.cut(body, limit: Limits.pageEvents + behind)
            guard lines.count >= behind else { throw .malformed(.truncated) }
            return (
                lines.dropLast(behind).map { PulledItem(json: Array($0)) }, NativeAttestations.read(lines.suffix(behind)))
        } catch {
            throw .refused(400, "invalid_page", "A page has at most \(Limits.pageEvents) events, each line with its end.")
        }
    }

    private func commit(
        _ page: PulledPage, _ sender: PeerIdentity, _ pusher: PushingPeer, _ memory: PeerMemory, key: String
    ) -> PeerCommit {
        var commit = PeerCommit(peer: pusher.name, wireNamespace: pusher.wireNamespace)
        commit.onlyIf = PeerCommit.Condition(position: memory.position, key: memory.key, of: pusher.id)
        commit.page = page
        if page.cursor == .none {
            // It may have been caught and sent again, as its place stays: it says nothing of the peer.
            commit.health = PeerHealthChange(at: context.now, result: .underWay)
        } else {
            commit.seenAt = context.now
            commit.health = PeerHealthChange(at: context.now, version: sender.version, result: .succeeded)
        }
        if memory.pin == nil { commit.pin = pusher.id }
        if memory.key != key {
            commit.key = PeerCommit.KeyPin(owner: pusher.id, publicKey: key)
            commit.successions = sender.successions
        }
        if memory.wire != .native { commit.wire = .native }
        return commit
    }

    /// What is remembered of a peer that waits, where that is news: whoever repeats a push costs no write, and whoever
    /// shows one key after another is looked at once a minute.
    private func waiting(_ pusher: PushingPeer, _ memory: PeerMemory, key: String) -> PeerCommit? {
        let shown = PublicKey(key)?.text
        var pairing = PeerPairing(.pending, id: pusher.id, key: shown, at: context.now)
        if let known = memory.pairing {
            pairing = known.waiting(id: pusher.id, key: shown, at: context.now)
            guard pairing != known, known.at.advanced(by: Limits.pairingPause) <= context.now else { return nil }
        }
        var commit = PeerCommit(peer: pusher.name, wireNamespace: pusher.wireNamespace)
        commit.pairing = pairing
        commit.health = PeerHealthChange(at: context.now, result: .waits)
        return commit
    }

    // MARK: Answers

    private static func response(
        _ outcome: PageOutcome?, to commit: PeerCommit, _ greeting: NativeGreeting
    ) -> HTTPResponse {
        guard let outcome else { return HTTPResponse(status: 503, fields: greeting.fields) }
        guard outcome.isInPlace else { return elsewhere(outcome.position, greeting) }
        var fields = greeting.fields
        fields[NativeField.wants] = NativePush.text(outcome.position)
        if let problem = outcome.stoppedBy {
            let refusal = NativeRoutes.Refusal(
                status: 503, code: "replay", message: "The page stopped at an event: \(problem.reason.rawValue).")
            return refusal.response(fields: fields)
        }
        var writer = JSONWriter()
        writer.object {
            $0.member("applied", outcome.applied)
            $0.member("held", outcome.held)
            $0.member("refused", outcome.refused)
            $0.member("deferred", outcome.deferred)
            $0.member("duplicates", outcome.duplicates)
        }
        return .json(200, writer.bytes, fields: fields)
    }

    private static func elsewhere(_ position: String?, _ greeting: NativeGreeting) -> HTTPResponse {
        var fields = greeting.fields
        fields[NativeField.wants] = NativePush.text(position)
        let refusal = NativeRoutes.Refusal(
            status: 409, code: "position_other", message: "The page does not begin where this node's copy of the log ends.")
        return refusal.response(fields: fields)
    }
}
