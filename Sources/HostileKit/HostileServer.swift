package import FederationCore
internal import Glibc
internal import Synchronization

/// One request, as it was heard on a raw socket.
package struct HeardRequest: Sendable {
    package var method: String
    package var target: String
    package var fields: HTTPFields
    package var body: [UInt8]

    package var path: String { String(target.prefix { $0 != "?" }) }

    /// A parameter of the query, as it was written.
    package func parameter(_ name: String) -> String? {
        let query = target.drop { $0 != "?" }.dropFirst()
        return query.split(separator: "&").first { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
    }
}

/// What is done with a request.
package enum HostileAnswer: Sendable {
    /// An answer like any other; the connection goes on.
    case response(HTTPResponse)
    /// These bytes, then the end of the connection.
    case bytes([UInt8])
    /// Anything, then the end of the connection.
    case act(@Sendable (RawSocket) -> Void)

    package static func text(_ text: String) -> HostileAnswer { .bytes(Array(text.utf8)) }
}

/// A server on a raw socket: what it reads is HTTP, what it writes need not be. A thread for each connection.
package final class HostileServer: Sendable {
    private let listener: LoopbackListener

    package var port: UInt16 { listener.port }

    /// Listens on the loopback address until it goes; port 0 is any.
    package init(port: UInt16, answer: @escaping @Sendable (HeardRequest) -> HostileAnswer) throws {
        listener = try LoopbackListener(port: port) { connection in
            let socket = RawSocket(descriptor: connection)
            detach { HostileServer.serve(socket, answer) }
        }
    }

    package var endpoint: String { "http://127.0.0.1:\(port)" }

    private static func serve(_ socket: RawSocket, _ answer: (HeardRequest) -> HostileAnswer) {
        defer { socket.close() }
        var heard: [UInt8] = []
        while let request = HeardRequest(from: socket, &heard) {
            switch answer(request) {
            case .response(let response):
                guard socket.send(response.framed) else { return }
            case .bytes(let bytes):
                socket.send(bytes)
                return socket.end()
            case .act(let act):
                act(socket)
                return socket.end()
            }
        }
    }
}

extension HTTPResponse {
    /// As it travels, with its length.
    var framed: [UInt8] {
        var head = "HTTP/1.1 \(status) Whatever\r\n"
        for field in fields.fields { head += "\(field.name): \(field.value)\r\n" }
        return Array("\(head)Content-Length: \(body.count)\r\n\r\n".utf8) + body
    }
}

extension HeardRequest {
    /// Reads the next one; `heard` is what came and was not read yet. `nil` at the end of the connection.
    init?(from socket: RawSocket, _ heard: inout [UInt8]) {
        let mark = Array("\r\n\r\n".utf8)
        var end = heard.firstRange(of: mark)
        while end == nil {
            let more = socket.receive()
            guard !more.isEmpty, heard.count < 1 << 20 else { return nil }
            heard += more
            end = heard.firstRange(of: mark)
        }
        guard let end else { return nil }
        let lines = String(decoding: heard[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = (lines.first ?? "").split(separator: " ")
        guard words.count == 3 else { return nil }
        var fields: HTTPFields = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            fields.append(String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " }))
        }
        let length = fields["Content-Length"].flatMap { Int($0) } ?? 0
        if fields["Expect"] != nil { socket.send("HTTP/1.1 100 Continue\r\n\r\n") }
        while heard.count < end.upperBound + length {
            let more = socket.receive()
            guard !more.isEmpty else { return nil }
            heard += more
        }
        self.init(
            method: String(words[0]), target: String(words[1]), fields: fields,
            body: Array(heard[end.upperBound..<(end.upperBound + length)]))
        heard.removeFirst(end.upperBound + length)
    }
}

/// Runs `body` on a thread of its own: what it waits for may never come.
func detach(_ body: @escaping @Sendable () -> Void) {
    final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let work = Unmanaged.passRetained(Work(body))
    let code = pthread_create(
        &thread, nil,
        { context in
            if let context { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body() }
            return nil
        }, work.toOpaque())
    if code == 0 { pthread_detach(thread) } else { work.release() }
}
