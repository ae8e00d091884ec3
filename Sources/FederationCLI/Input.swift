import Federation
import FederationCore
import FederationCrypto
import Glibc

/// Names one write, so that it is not made twice when its answer is lost and it is asked for again.
func newRequestID() -> String {
    var random = SystemRandom()
    return hexadecimal(random.bytes(16))
}

/// Reads a file, or standard input for `-`, up to a limit.
func readInput(_ path: String, limit: Int) -> Result<[UInt8], CommandFailure> {
    func failure(_ code: Int32) -> CommandFailure {
        CommandFailure(.file, ["file": path, "why": String(cString: strerror(code))])
    }
    let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return .failure(failure(errno)) }
    defer { if file != STDIN_FILENO { close(file) } }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
        let count = buffer.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        if count < 0 {
            if errno == EINTR { continue }
            return .failure(failure(errno))
        }
        if count == 0 { break }
        bytes += buffer[..<count]
        if bytes.count > limit { return .failure(CommandFailure(.tooLarge, ["what": path, "limit": String(limit)])) }
    }
    guard String(validating: bytes, as: UTF8.self) != nil else {
        return .failure(CommandFailure(.file, ["file": path, "why": "it is not UTF-8 text"]))
    }
    return .success(bytes)
}

extension String {
    /// A text of several lines for the terminal: everything but line ends and tabs is escaped as elsewhere.
    var escapedText: String {
        split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map { String($0).escapedForTerminal }.joined(separator: "\t") }
            .joined(separator: "\n")
    }
}
