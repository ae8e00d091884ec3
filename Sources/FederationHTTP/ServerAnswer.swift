internal import CMicroHTTPD
internal import FederationCore

/// An answer that libmicrohttpd can send: made on the handler's task, queued by the server's thread.
///
/// SAFETY: the response is not changed after `init`, libmicrohttpd counts references to it under a lock of its own,
/// and `deinit` gives ours back.
@safe final class ServerAnswer: @unchecked Sendable {
    let status: UInt32
    /// `nil` if memory ran out.
    let response: OpaquePointer?

    init(_ answer: HTTPResponse, closesConnection: Bool) {
        status = (200...599).contains(answer.status) ? UInt32(answer.status) : 500
        unsafe response = answer.body.withUnsafeBytes { body in
            // libmicrohttpd reads the bytes of a buffer that it must copy and never writes to them.
            unsafe MHD_create_response_from_buffer(
                body.count, UnsafeMutableRawPointer(mutating: body.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard unsafe response != nil else { return }
        for field in answer.fields.fields where FieldText.isName(field.name) && FieldText.isValue(field.value) {
            if FieldText.framing.contains(FieldText.lowercased(field.name)) { continue }
            unsafe MHD_add_response_header(response, field.name, field.value)
        }
        if closesConnection {
            unsafe MHD_add_response_header(response, "Connection", "close")
        } else {
            unsafe cmhd_announce_keep_alive(response)
        }
    }

    deinit { unsafe MHD_destroy_response(response) }

    /// Gives the answer to a connection, on the server's thread.
    func queue(on connection: OpaquePointer) -> MHD_Result {
        guard unsafe response != nil else { return .NO }
        return unsafe MHD_queue_response(connection, status, response)
    }
}

/// What the server answers by itself, without asking the handler.
enum Refusal {
    case malformed, bodyTooLarge(limit: Int), codingUnknown, busy, stopping, handlerTooSlow, clientGone

    /// How it is counted; `nil` for what is no fault of the client.
    var cause: RefusedRequests.Cause? {
        switch self {
        case .malformed, .codingUnknown: .malformed
        case .bodyTooLarge: .tooLarge
        case .busy: .busy
        case .stopping, .handlerTooSlow, .clientGone: nil
        }
    }

    var answer: ServerAnswer {
        let (status, body) =
            switch self {
            case .malformed: (400, #"{"error":"malformed_request"}"#)
            case .bodyTooLarge(let limit): (413, #"{"error":"body_too_large","limit":\#(limit)}"#)
            case .codingUnknown: (501, #"{"error":"transfer_coding_not_supported"}"#)
            case .busy: (503, #"{"error":"busy"}"#)
            case .stopping: (503, #"{"error":"stopping"}"#)
            case .handlerTooSlow: (503, #"{"error":"timeout"}"#)
            case .clientGone: (503, #"{"error":"gone"}"#)
            }
        return ServerAnswer(
            HTTPResponse(status: status, fields: ["Content-Type": "application/json"], body: Array(body.utf8)),
            closesConnection: true)
    }
}
