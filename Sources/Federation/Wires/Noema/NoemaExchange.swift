import FederationCore

/// One poll of a Noema cortex (Noema section 2.2).
///
/// - `idle → initializing → announcing → greeting → identifying`
/// - `identifying → pulling`, `identifying → closing` where nothing is fetched
/// - `pulling → taking` with a page, `taking → pulling` while it leads on, else `→ closing`
/// - `any → closing → over`: a session that the server opened is closed, also after a failure
/// - `any → over` when the transport fails
///
/// Read signals (`sync_read_signal`) are not asked for: they count how often a trace was read, and we keep no such
/// counts.
struct NoemaExchange: Exchange {
    private enum State {
        case idle
        case initializing
        case announcing
        case greeting
        case identifying(NodeMode?)
        case pulling
        case taking
        case closing(Ending)
        case over
    }

    /// What follows the page that is being taken.
    private enum Next { case page, end, stuck }

    private enum Ending {
        case finished
        case failed(ExchangeFailure)

        var step: ExchangeStep {
            switch self {
            case .finished: .finished(ExchangeProgress(isComplete: true, wire: .noema))
            case .failed(let failure): .failed(failure)
            }
        }
    }

    private var state = State.idle
    private var fetches = false
    /// Where the next page begins, exclusive.
    private var since: ULID?
    private var next = Next.end
    private var sessionID: String?
    private var protocolVersion: String?
    private var peerVersion = ""
    private var requestID = 0
    /// The peer has said that it speaks the native wire too.
    private(set) var offersNative = false

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        fetches = context.fetches
        since = NoemaExchange.start(context)
        state = .initializing
        return call("initialize") { writer in
            writer.member("protocolVersion", MCP.protocolVersions[0])
            writer.key("clientInfo")
            writer.object {
                $0.member("name", "federation")
                $0.member("version", context.node.version)
            }
            writer.key("capabilities")
            writer.object { _ in }
        }
    }

    /// Where a poll begins. A Noema log is ordered by id, not by arrival, so what the peer itself learnt late may stand
    /// below our cursor: each poll reads some of it again, and a rescan reads all. Neither moves the cursor back.
    private static func start(_ context: ExchangeContext) -> ULID? {
        guard context.reach == .news, context.pinnedWire != .native, let cursor = context.cursor else { return nil }
        let overlap = max(.seconds(600), context.interval * 2)
        return ULID(floorOf: min(cursor.time, context.now).advanced(by: .zero - overlap))
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        do throws(ExchangeFailure) {
            switch (state, answer) {
            case (.closing(let ending), .response), (.closing(let ending), .transport):
                state = .over
                return ending.step
            case (_, .transport(let failure)):
                state = .over
                return .failed(.transport(failure))
            case (.initializing, .response(let response)): return try initialized(response)
            case (.announcing, .response(let response)): return try announced(response)
            case (.greeting, .response(let response)): return try greeted(response)
            case (.identifying(let mode), .identityAccepted):
                guard fetches else { return close(.finished) }
                guard mode?.serves ?? true else { throw .peerServesNothing }
                return askForPage()
            case (.pulling, .response(let response)): return try pulled(response)
            case (.taking, .committed(let outcome)):
                if let problem = outcome.stoppedBy { throw .replay(problem) }
                switch next {
                case .page: return askForPage()
                case .end: return close(.finished)
                case .stuck: throw .malformed(.noProgress)
                }
            default: preconditionFailure("an answer that was not asked for in \(state)")
            }
        } catch {
            return close(.failed(error))
        }
    }

    private mutating func initialized(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        let result = try result(response)
        if let session = response.fields[MCP.sessionField] {
            guard session.isHeaderToken, session.utf8.count <= Limits.sessionIDLength else {
                throw .malformed(.headerInvalid)
            }
            sessionID = session
        }
        guard let version = result["protocolVersion"]?.string, MCP.protocolVersions.contains(version) else {
            throw .malformed(.unknownProtocolVersion)
        }
        protocolVersion = version
        peerVersion = result["serverInfo"]?["version"]?.string ?? ""
        offersNative = result["capabilities"]?["experimental"]?[MCP.nativeCapability]?.isObject ?? false
        state = .announcing
        return post(JSONRPC.notification(method: "notifications/initialized"), maxAnswerBytes: Limits.smallAnswerBytes)
    }

    private mutating func announced(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        guard [200, 202, 204].contains(response.status) else { throw .status(response.status) }
        state = .greeting
        return callTool("cortex_identity") { _ in }
    }

    private mutating func greeted(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        switch try JSONRPCAnswer(response, id: requestID) {
        case .error(let code):
            // The tool takes no arguments, so these codes can only mean that there is no such tool.
            if code == JSONRPC.ErrorCode.invalidParams.rawValue || code == JSONRPC.ErrorCode.methodNotFound.rawValue {
                throw .identityMissing
            }
            throw .remoteError(code: code)
        case .result(let result):
            let tool = try MCPToolResult(result)
            guard !tool.isError else { throw .identityMissing }
            let peer = try NoemaIdentity.peer(tool.text, version: peerVersion)
            state = .identifying(peer.mode)
            return .identify(peer)
        }
    }

    private mutating func askForPage() -> ExchangeStep {
        state = .pulling
        let since = since
        return callTool("sync_events", maxAnswerBytes: Limits.answerBytes) { writer in
            writer.member("limit", Limits.noemaPageEvents)
            if let since { writer.member("since", since.description) }
        }
    }

    private mutating func pulled(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        let tool = try MCPToolResult(try result(response))
        guard !tool.isError else { throw .remoteError(code: nil) }
        let page = try NoemaPage(text: tool.text, since: since, limit: Limits.noemaPageEvents)
        guard !page.items.isEmpty else { return close(.finished) }
        // A page of nothing but events without a place in the order leads nowhere: asking again would give it again.
        next = !page.leadsOn ? .end : page.last == since ? .stuck : .page
        since = page.last
        state = .taking
        return .take(PulledPage(items: page.items, cursor: .byEvent))
    }

    private func result(_ response: HTTPResponse) throws(ExchangeFailure) -> JSON {
        switch try JSONRPCAnswer(response, id: requestID) {
        case .result(let result): return result
        case .error(let code): throw .remoteError(code: code)
        }
    }

    // MARK: Requests

    private mutating func callTool(
        _ name: String, maxAnswerBytes: Int = Limits.smallAnswerBytes, arguments: (inout JSONWriter) -> Void
    ) -> ExchangeStep {
        call("tools/call", maxAnswerBytes: maxAnswerBytes) { writer in
            writer.member("name", name)
            writer.key("arguments")
            writer.object(arguments)
        }
    }

    private mutating func call(
        _ method: String, maxAnswerBytes: Int = Limits.smallAnswerBytes, params: (inout JSONWriter) -> Void
    ) -> ExchangeStep {
        requestID += 1
        return post(JSONRPC.request(id: requestID, method: method, params: params), maxAnswerBytes: maxAnswerBytes)
    }

    private func post(_ body: [UInt8], maxAnswerBytes: Int) -> ExchangeStep {
        var fields = sessionFields
        fields["Content-Type"] = "application/json"
        fields["Accept"] = "application/json, text/event-stream"
        return .request(
            HTTPRequest(.post, "/mcp", fields: fields, body: body, maxAnswerBytes: maxAnswerBytes), seals: [])
    }

    private var sessionFields: HTTPFields {
        var fields: HTTPFields = [:]
        fields[MCP.sessionField] = sessionID
        fields[MCP.versionField] = protocolVersion
        return fields
    }

    /// Ends the conversation; what the server answers to the end of a session changes nothing.
    private mutating func close(_ ending: Ending) -> ExchangeStep {
        guard sessionID != nil else {
            state = .over
            return ending.step
        }
        state = .closing(ending)
        return .request(
            HTTPRequest(
                .delete, "/mcp", fields: sessionFields, maxAnswerBytes: Limits.smallAnswerBytes, deadline: .seconds(5)),
            seals: [])
    }
}
