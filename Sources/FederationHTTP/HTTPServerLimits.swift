internal import FederationCore

/// What our server grants: sizes, counts and times. Each has a default that suits a node of some hundred peers.
package struct HTTPServerLimits: Hashable, Sendable {
    /// Bytes of one request's body. One past it is answered 413, and the connection is closed.
    package var bodyBytes = Limits.requestBytes
    /// Bytes of all bodies held at one time, from the first byte to the end of the answer. Past it: 503.
    package var bodyBytesHeld = Limits.requestBytesHeld
    /// Bytes of all answers held at one time past the share of each (`Limits.servedShare`), until they are sent; one address
    /// has half. Past it: 503.
    package var answerBytesHeld = Limits.servedBytesHeld
    /// Bytes of memory a connection has for the request's first line and fields. Past it: 431 or 414.
    package var headerBytes = Limits.requestHeaderBytes
    /// Open connections. Further ones wait in the listen queue.
    package var connections = Limits.connections
    /// Open connections from one address. Further ones are closed at once.
    package var connectionsPerAddress = Limits.connectionsPerAddress

    /// From one answer to the whole first line of the next request. Longer than the time after which clients give up
    /// an idle connection (118 s in libcurl), so that it is they who close it and no request meets a closed door.
    package var idle: Duration = .seconds(150)
    /// From a request's first line to its last byte, however busily it trickles in; and from the connection's
    /// beginning to its first first line.
    package var receive: Duration = .seconds(30)
    /// From the last byte of a request to the handler's answer. Past it: 503, and the handler's task is cancelled.
    /// Longer than a peer's deadline, so that a held answer is the peer's to give up.
    package var handle: Duration = .seconds(75)
    /// From the first byte of an answer to its last one.
    package var send: Duration = .seconds(120)
    /// How long `stop` waits for handlers to answer.
    package var drain: Duration = .seconds(5)

    package init() {}
}

/// Why a server could not begin to listen.
package enum HTTPServerFailure: Error, Hashable, Sendable {
    /// Not a numeric IPv4 or IPv6 address.
    case notAnAddress
    /// Something listens there already.
    case addressInUse
    /// No interface of this machine has the address.
    case addressNotHere
    /// The port needs a privilege that this process lacks.
    case notPermitted
    /// What was handed over is no TCP socket that listens.
    case notAListener
    /// Anything else: the system's error number, or 0 if libmicrohttpd named none.
    case system(code: Int)
}
