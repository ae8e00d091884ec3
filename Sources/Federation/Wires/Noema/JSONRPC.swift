import FederationCore

/// The messages of JSON-RPC 2.0 as MCP uses them: one at a time, never in batches.
enum JSONRPC {
    enum ErrorCode: Int {
        case parseError = -32700
        case invalidRequest = -32600
        case methodNotFound = -32601
        case invalidParams = -32602
        case internalError = -32603
    }

    /// A failure to be told to whoever asked.
    struct Failure: Error {
        var code: ErrorCode
        var message: String
    }

    static func request(id: Int, method: String, params: (inout JSONWriter) -> Void) -> [UInt8] {
        message { writer in
            writer.member("id", id)
            writer.member("method", method)
            writer.key("params")
            writer.object(params)
        }
    }

    static func notification(method: String) -> [UInt8] { message { $0.member("method", method) } }

    /// - Parameter id: the bytes of the request's id, as it wrote them.
    static func result(id: [UInt8], _ result: (inout JSONWriter) -> Void) -> [UInt8] {
        message { writer in
            writer.key("id")
            writer.raw(id)
            writer.key("result")
            writer.object(result)
        }
    }

    /// - Parameter id: `nil` where the request's id could not be read.
    static func error(id: [UInt8]?, _ failure: Failure) -> [UInt8] {
        message { writer in
            writer.key("id")
            if let id { writer.raw(id) } else { writer.null() }
            writer.key("error")
            writer.object {
                $0.member("code", failure.code.rawValue)
                $0.member("message", failure.message)
            }
        }
    }

    private static func message(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            members(&writer)
        }
        return writer.bytes
    }
}

/// What a client sent us.
enum JSONRPCIncoming {
    /// `id` is the bytes of a number or a string, to be echoed as they came: 0 is an id like any other.
    case request(id: [UInt8], method: String, params: JSON?)
    /// A notification, or the answer to a request that we never make: either is acknowledged and has no effect.
    case unanswered

    init(body: [UInt8]) throws(JSONRPC.Failure) {
        let json: JSON
        do { json = try JSON(body) } catch {
            throw JSONRPC.Failure(code: .parseError, message: "The body is not JSON.")
        }
        guard json.isObject, json["jsonrpc"]?.string == "2.0" else {
            throw JSONRPC.Failure(code: .invalidRequest, message: "The body is not one JSON-RPC 2.0 message.")
        }
        guard let method = json["method"] else {
            guard json["result"] != nil || json["error"] != nil else {
                throw JSONRPC.Failure(code: .invalidRequest, message: "The message has no method.")
            }
            self = .unanswered
            return
        }
        guard let name = method.string else {
            throw JSONRPC.Failure(code: .invalidRequest, message: "The method is not a string.")
        }
        guard let id = json["id"] else {
            self = .unanswered
            return
        }
        guard id.isNumber || id.string != nil, id.raw.count <= Limits.eventTextBytes else {
            throw JSONRPC.Failure(code: .invalidRequest, message: "The id is not a number or a short string.")
        }
        self = .request(id: Array(id.raw), method: name, params: json["params"])
    }
}

/// What a server answered to one of our requests.
enum JSONRPCAnswer {
    case result(JSON)
    case error(code: Int?)

    /// Finds the answer to the request `id` in a response, which is one JSON message or a stream of them.
    init(_ response: HTTPResponse, id: Int) throws(ExchangeFailure) {
        guard response.status == 200 else { throw .status(response.status) }
        switch response.fields.mediaType {
        case "application/json": self = try JSONRPCAnswer(message: response.body, id: id)
        case "text/event-stream": self = try JSONRPCAnswer(stream: response.body, id: id)
        default: throw .malformed(.contentType)
        }
    }

    private init(message: [UInt8], id: Int) throws(ExchangeFailure) {
        let json: JSON
        do { json = try JSON(message) } catch { throw .malformed(.notJSON(error)) }
        guard let answer = try JSONRPCAnswer(json, id: id) else { throw .malformed(.wrongRequestID) }
        self = answer
    }

    /// Takes the event that answers the request: before it a server may send notifications, requests and events
    /// without data.
    private init(stream: [UInt8], id: Int) throws(ExchangeFailure) {
        var problem = WireViolation.eventStream
        var events = EventStream(stream)
        while let data = events.next() {
            guard !data.isEmpty else { continue }
            do {
                if let answer = try JSONRPCAnswer(try JSON(data), id: id) {
                    self = answer
                    return
                }
            } catch let error as JSONProblem {
                problem = .notJSON(error)
            } catch let error as ExchangeFailure {
                throw error
            } catch {
                problem = .eventStream
            }
        }
        throw .malformed(problem)
    }

    /// `nil` for a message that answers something else.
    private init?(_ json: JSON, id: Int) throws(ExchangeFailure) {
        guard json["method"] == nil else { return nil }
        if let error = json["error"], error.isObject {
            // A server that could not read the request's id answers with `null`.
            guard json["id"]?.integer == Int64(id) || json["id"]?.isNull ?? true else { return nil }
            self = .error(code: error["code"]?.integer.flatMap { Int(exactly: $0) })
            return
        }
        guard json["id"]?.integer == Int64(id) else { return nil }
        guard let result = json["result"], result.isObject else { throw .malformed(.missingMember) }
        self = .result(result)
    }
}
