package import FederationCore

/// Performs HTTP requests with libcurl, all of them on one thread of its own, so no call ever blocks a Swift thread.
///
/// Connections stay open and are used again. Redirects are not followed, the environment's proxies are not used, and
/// nothing but http and https is spoken: a request goes to the peer that the config names, or nowhere.
package final class CurlClient: Sendable {
    /// What came back, and from where.
    package struct Answer: Hashable, Sendable {
        package var response: HTTPResponse
        /// The numeric address the connection led to, such as `127.0.0.1` or `::1`.
        package var peerAddress: String

        package init(response: HTTPResponse, peerAddress: String) {
            self.response = response
            self.peerAddress = peerAddress
        }
    }

    private let loop: CurlLoop

    package init() {
        loop = CurlLoop()
        loop.start()
    }

    deinit { loop.close() }

    /// Sends `request` to `endpoint` and waits for the whole answer.
    ///
    /// `endpoint` is `http://` or `https://`, a host, and optionally a port and a path prefix; a slash at its end
    /// does not count. The answer's body is at most `request.maxAnswerBytes` long, and all of it has come by
    /// `request.deadline`. The transport owns the fields that frame a message (`Content-Length`,
    /// `Transfer-Encoding`, `Connection`, `Expect`): the request's own are left out.
    ///
    /// If the request's `Accept-Encoding` names zstd, a body in that coding is decoded while it comes: the limit
    /// counts the decoded bytes. One that is no zstd, or in a coding that was not asked for, is `.malformedAnswer`;
    /// one cut off is `.endOfFile`; one that grows past its bounds is `.answerTooLarge`.
    ///
    /// `route` is told how far the way was gone, whatever came of it, unless the transfer could not begin or was cancelled.
    ///
    /// Cancelling the task ends the transfer at once, with `.cancelled`; so does `close()`. A field that holds a
    /// control character, or a URL that holds one or a space, is never sent: `.other`.
    package func perform(
        _ request: HTTPRequest, endpoint: String, credentials: ChannelCredentials = ChannelCredentials(),
        route: (@Sendable (RouteFacts) -> Void)? = nil
    ) async throws(TransportFailure) -> Answer {
        try await perform(request, endpoint: endpoint, unixSocket: nil, credentials, route)
    }

    /// The same over a Unix-domain socket of this machine: the host in the request is `localhost`.
    package func perform(
        _ request: HTTPRequest, unixSocket path: String
    ) async throws(TransportFailure) -> HTTPResponse {
        try await perform(request, endpoint: "http://localhost", unixSocket: path, ChannelCredentials(), nil).response
    }

    private func perform(
        _ request: HTTPRequest, endpoint: String, unixSocket: String?, _ credentials: ChannelCredentials,
        _ route: (@Sendable (RouteFacts) -> Void)?
    ) async throws(TransportFailure) -> Answer {
        let id = loop.newID()
        let result: Result<Answer, TransportFailure> = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                loop.post(
                    .start(
                        CurlJob(
                            id: id, endpoint: endpoint, unixSocket: unixSocket, request: request,
                            credentials: credentials, route: route, continuation: continuation)))
                // The handler below may have run before there was anything to cancel.
                if Task.isCancelled { loop.post(.cancel(id)) }
            }
        } onCancel: {
            loop.post(.cancel(id))
        }
        return try result.get()
    }

    /// Ends every transfer with `.cancelled`, closes all connections, and refuses what comes later the same way.
    package func close() { loop.close() }
}
