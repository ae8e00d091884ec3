package import FederationCore

/// What a stand-in's puller wants next.
package enum StandInStep: Hashable, Sendable {
    /// Perform this at the peer's endpoint and give the answer to `resume`.
    case request(HTTPRequest)
    /// The poll ended well.
    case done
    /// The poll ended; the reason is the one that its health now shows.
    case failed(Reason)
}

/// What became of a request.
package enum StandInAnswer: Hashable, Sendable {
    case response(HTTPResponse)
    case transport(TransportFailure)
}

/// One poll under way.
struct NoemaPoll: Sendable {
    enum Phase: Sendable {
        case initialize, listening, initialized, identity, events, readSignal
        /// The session is being closed; nobody looks at the answer.
        case closing(StandInStep)
    }

    var phase = Phase.initialize
    var session: String?
    /// Go counts from 1, Rust from 0.
    var requestID: Int
    /// `serverInfo.version`, once known.
    var version = ""
    var protocolVersion = ""
}

/// When a peer's worker polls next, and how long it waits after a failure. A restart forgets it.
struct NoemaSchedule: Sendable {
    var backoff: Duration
    var wakeAt: WallTime
}

/// Why a poll failed, by the table that its phase uses.
private enum PollFailure: Error {
    case network(String)
    case identity(String)
    case replay(NoemaFailure, eventID: String, traceID: String)
}

/// The client side: one poll as steps (Noema sections 3.1 to 3.5).
extension NoemaStandIn {
    /// Begins a poll of a configured peer, giving up one that is under way.
    ///
    /// A paused peer has no worker: `done` at once, and nothing is written.
    package mutating func beginPoll(of peer: String, now: WallTime) -> StandInStep {
        guard let entry = entry(peer), !entry.isPaused else { return .done }
        polls[peer] = NoemaPoll(requestID: rules == .go ? 1 : 0)
        return request(of: peer)
    }

    /// Goes on with the answer to the last request. Without a poll under way: `done`.
    package mutating func resume(_ answer: StandInAnswer, of peer: String, now: WallTime) -> StandInStep {
        guard let poll = polls[peer] else { return .done }
        if case .closing(let step) = poll.phase {
            polls[peer] = nil
            return step
        }
        do throws(PollFailure) {
            return try proceed(poll, peer, answer, now: now) ?? finish(peer, nil, now: now)
        } catch {
            return finish(peer, error, now: now)
        }
    }

    /// A whole poll, with `serve` as the way to the peer's server.
    @discardableResult
    package mutating func poll(
        _ peer: String, now: WallTime, through serve: (ServedRequest) -> StandInAnswer
    ) -> StandInStep {
        var step = beginPoll(of: peer, now: now)
        while case .request(let request) = step {
            step = resume(serve(ServedRequest(request)), of: peer, now: now)
        }
        return step
    }

    /// When the worker of `peer` polls next: at once at first, then after the interval, or after the back-off.
    package func wakeAt(of peer: String) -> WallTime? { schedule[peer]?.wakeAt }

    /// The back-off of the last failure, or the interval.
    package func backoff(of peer: String) -> Duration { schedule[peer]?.backoff ?? settings.interval }

    /// `peer:<name>:last_event`.
    package func cursor(of peer: String) -> String? { state["peer:\(peer):last_event"] }

    package func health(of peer: String) -> PeerHealth {
        PeerHealth(json: Array((state["peer:\(peer):health"] ?? "").utf8))
    }

    package func lastError(of peer: String) -> PeerHealth.LastError? { health(of: peer).lastError }

    func entry(_ peer: String) -> NoemaSettings.Peer? { settings.peers.first { $0.name == peer } }

    // MARK: Phases

    /// The next request, or `nil` at the end.
    private mutating func proceed(
        _ poll: NoemaPoll, _ peer: String, _ answer: StandInAnswer, now: WallTime
    ) throws(PollFailure) -> StandInStep? {
        switch poll.phase {
        case .initialize:
            let response = try accepted(answer)
            try readInitialized(response, peer)
            // Rust opens the standing stream if there is a session to listen to.
            let listens = rules == .rust && polls[peer]?.session != nil
            return enter(listens ? .listening : .initialized, peer)
        case .listening: return enter(.initialized, peer)
        case .initialized:
            _ = try accepted(answer)
            return enter(.identity, peer)
        case .identity:
            try checkIdentity(answer, peer)
            // Before the pull, and there is none: publish mode only wants to know who is there.
            guard settings.mode.fetches else { return nil }
            return enter(.events, peer)
        case .events:
            let text = try toolText(answer, poll)
            let count = try replayBatch(text, peer, now: now)
            // Go takes one page a poll, Rust goes on until one is not full.
            let isMore = rules == .rust && count == Limits.noemaPageEvents
            return enter(isMore ? .events : .readSignal, peer)
        // What this phase brings or fails to bring never fails a poll.
        case .readSignal, .closing: return nil
        }
    }

    private mutating func enter(_ phase: NoemaPoll.Phase, _ peer: String) -> StandInStep {
        polls[peer]?.phase = phase
        return request(of: peer)
    }

    private mutating func readInitialized(_ response: HTTPResponse, _ peer: String) throws(PollFailure) {
        let requestID = polls[peer]?.requestID ?? 0
        polls[peer]?.session = response.fields["Mcp-Session-Id"]
        guard let result = RPCReply.read(response, id: requestID).result else { throw .network("initialize failed") }
        polls[peer]?.version = result["serverInfo"]?["version"]?.string ?? ""
        let version = result["protocolVersion"]?.string ?? ""
        guard NoemaStandIn.protocolVersions.contains(version) else { throw .network("unsupported protocol version") }
        polls[peer]?.protocolVersion = version
    }

    /// Section 3.3, in its order.
    private mutating func checkIdentity(_ answer: StandInAnswer, _ peer: String) throws(PollFailure) {
        guard let poll = polls[peer] else { return }
        let text: String
        do throws(PollFailure) {
            text = try toolText(answer, poll)
        } catch {
            // A network error met here loses its class in Go.
            guard case .network(let words) = error else { throw error }
            throw .identity(words)
        }
        guard !text.isEmpty else { throw .identity("peer pre-dates the cortex-id tool") }
        guard let json = try? JSON(Array(text.utf8)), json.isObject else { throw .identity("cannot parse identity") }
        let shown = json["id"]?.string ?? ""
        if let rank = json["rank"]?["rank"]?.integer {
            let observed = json["rank"]?["observed_at"]?.string ?? ""
            var writer = JSONWriter()
            writer.object {
                $0.member("cortex_id", shown)
                $0.member("rank", rank)
                $0.member("observed_at", observed)
            }
            state["peer:\(peer):consolidation_rank"] = String(decoding: writer.bytes, as: UTF8.self)
        }
        let version = (json["version"] ?? (rules == .rust ? json["manifest_version"] : nil))?.integer ?? 0
        guard version >= 2 else { throw .identity("schema version \(version) is too old") }
        guard !shown.isEmpty else { throw .identity("peer has no cortex id") }
        if rules == .rust, shown == id { throw .identity("peer is this cortex itself") }
        if rules == .rust, json["name"]?.string == nil { throw .identity("cannot parse identity") }
        let pinKey = "peer:\(peer):cortex_id"
        if let pinned = state[pinKey], pinned != shown { throw .identity("identity mismatch") }
        state[pinKey] = shown
        let key = (json["pubkey"] ?? (rules == .rust ? json["public_key"] : nil))?.string ?? ""
        guard pinShownKey(key, of: shown, hardPin: entry(peer)?.hardPin) else {
            throw .identity("signing key differs from the pinned one")
        }
    }

    /// Replays a page and moves the cursor event by event; it stays before the first that fails (section 3.4).
    ///
    /// - Returns: how many events the page had.
    private mutating func replayBatch(_ text: String, _ peer: String, now: WallTime) throws(PollFailure) -> Int {
        let batch: [NoemaEvent]
        do throws(NoemaFailure) {
            batch = try events(in: text)
        } catch {
            throw .network(error.text(rules))
        }
        if rules == .rust, batch.count > Limits.noemaPageEvents {
            throw .network(NoemaFailure.tooManyEvents.text(rules))
        }
        for event in batch {
            do throws(NoemaFailure) {
                if rules == .rust, !isBefore(cursor(of: peer) ?? "", event.id) { throw .idNotAfterCursor(event.id) }
                try replay(event, now: now)
            } catch {
                state["peer:\(peer):last_seen"] = rules.stateTime(now)
                throw .replay(error, eventID: event.id, traceID: event.traceID)
            }
            // A clock too large is only logged; the event stays replayed.
            if !event.clock.isEmpty { _ = clock.mergeIngested(event.clock) }
            state["peer:\(peer):last_event"] = event.id
        }
        return batch.count
    }

    private func events(in text: String) throws(NoemaFailure) -> [NoemaEvent] {
        guard !text.isEmpty else { return [] }
        guard let json = try? JSON(Array(text.utf8)) else { throw .unreadableBatch }
        if json.isNull { return [] }
        guard let items = json.array else { throw .unreadableBatch }
        var events: [NoemaEvent] = []
        for item in items { events.append(try NoemaEvent(item, as: rules)) }
        return events
    }

    // MARK: The end

    /// Records the health, plans the next poll, and closes the session if there is one.
    private mutating func finish(_ peer: String, _ failure: PollFailure?, now: WallTime) -> StandInStep {
        guard let poll = polls[peer] else { return .done }
        if failure == nil { state["peer:\(peer):last_seen"] = rules.stateTime(now) }
        let error = failure.map { lastError($0, now: now) }
        record(error, version: poll.version, peer, now: now)
        reschedule(peer, isFailure: failure != nil, now: now)
        let step = error.map { StandInStep.failed($0.reason) } ?? .done
        guard poll.session != nil else {
            polls[peer] = nil
            return step
        }
        return enter(.closing(step), peer)
    }

    private func lastError(_ failure: PollFailure, now: WallTime) -> PeerHealth.LastError {
        var error: PeerHealth.LastError
        switch failure {
        case .network(let text):
            error = PeerHealth.LastError(reason: NoemaClassification.network(text, rules), observedAt: now)
        case .identity(let text):
            error = PeerHealth.LastError(reason: NoemaClassification.identity(text, rules), observedAt: now)
        case .replay(let failure, let eventID, let traceID):
            // Rust keeps the reason alone.
            let isGo = rules == .go
            error = PeerHealth.LastError(
                reason: NoemaClassification.replay(failure, rules), eventID: isGo ? eventID : "",
                subject: isGo ? traceID : "", observedAt: now)
        }
        error.observedAt = rules.stateTime(now)
        return error
    }

    private mutating func record(_ error: PeerHealth.LastError?, version: String, _ peer: String, now: WallTime) {
        var health = health(of: peer)
        // Rust records a version only when the poll succeeds.
        if !version.isEmpty, rules == .go || error == nil {
            health.version = version
            health.versionObservedAt = rules.stateTime(now)
        }
        if error == nil {
            health.lastSuccess = rules.stateTime(now)
            health.consecutiveFailures = 0
        } else {
            health.consecutiveFailures += 1
        }
        health.lastError = error
        state["peer:\(peer):health"] = String(decoding: health.json, as: UTF8.self)
    }

    /// Twice as long after each failure in a row, at most five minutes (section 3.1).
    private mutating func reschedule(_ peer: String, isFailure: Bool, now: WallTime) {
        let wait = isFailure ? min(backoff(of: peer) * 2, .seconds(300)) : settings.interval
        schedule[peer] = NoemaSchedule(backoff: wait, wakeAt: now.advanced(by: wait))
    }
}

/// What a client makes of an answer.
extension NoemaStandIn {
    private func accepted(_ answer: StandInAnswer) throws(PollFailure) -> HTTPResponse {
        switch answer {
        case .transport(let failure): throw .network(failure.noemaText)
        case .response(let response):
            switch response.status {
            case 200, 202, 204: return response
            case 401: throw .network("http status 401: Unauthorized")
            default: throw .network("http status refused")
            }
        }
    }

    /// The text of a tool's answer, by each line's rule (section 2.3).
    private func toolText(_ answer: StandInAnswer, _ poll: NoemaPoll) throws(PollFailure) -> String {
        let reply = RPCReply.read(try accepted(answer), id: poll.requestID)
        guard let result = reply.result else { throw .network(reply.errorText) }
        guard result["isError"]?.bool != true else { throw .network("tool refused") }
        if rules == .rust, let structured = result["structuredContent"] {
            return String(decoding: structured.raw, as: UTF8.self)
        }
        guard let items = result["content"]?.array else { throw .network("answer without content") }
        let texts = rules == .go ? items.filter { $0["type"]?.string == "text" } : Array(items.prefix(1))
        return texts.first?["text"]?.string ?? ""
    }
}

/// The JSON-RPC answer in a response, which may come as JSON or as a stream of events.
struct RPCReply {
    var result: JSON?
    var errorText = "no answer"

    static func read(_ response: HTTPResponse, id: Int) -> RPCReply {
        let type = (response.fields["Content-Type"] ?? "").lowercased()
        let messages: [[UInt8]]
        if type.hasPrefix("text/event-stream") {
            messages = eventData(response.body)
        } else if type.hasPrefix("application/json") {
            messages = [response.body]
        } else {
            return RPCReply(errorText: "unexpected content type")
        }
        for message in messages {
            guard let json = try? JSON(message), json["id"]?.integer == Int64(id) else { continue }
            if let result = json["result"] { return RPCReply(result: result) }
            return RPCReply(errorText: json["error"]?["message"]?.string ?? "error without a message")
        }
        return RPCReply()
    }

    /// The data of each event that has some. Lines end in LF or CRLF; comments begin with a colon.
    private static func eventData(_ stream: [UInt8]) -> [[UInt8]] {
        var events: [[UInt8]] = []
        var data: [[UInt8]] = []
        for line in stream.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let line = line.last == 0x0D ? line.dropLast() : line
            if line.isEmpty {
                let joined = Array(data.joined(separator: [0x0A]))
                if !joined.isEmpty { events.append(joined) }
                data = []
            } else if line.starts(with: "data:".utf8) {
                let value = line.dropFirst(5)
                data.append(Array(value.first == 0x20 ? value.dropFirst() : value))
            }
        }
        return events
    }
}
