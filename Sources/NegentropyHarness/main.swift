import Glibc
import Negentropy

// One side of a session on the standard input and output, to be driven against other implementations.
//
// FRAMESIZELIMIT: the frame limit in bytes, none if absent or 0. TRUNCATION=reference: the reference's rule.

func harnessSettings() throws -> ReconcileSettings {
    func variable(_ name: String) -> String? {
        // SAFETY: the environment is read before anything else runs, and the text is copied at once.
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
    let limit = variable("FRAMESIZELIMIT").flatMap { Int($0) } ?? 0
    return try ReconcileSettings(
        frameLimit: limit == 0 ? nil : limit, maxMessageBytes: 1 << 30, maxRounds: 1 << 20, maxDifferences: 1 << 30,
        truncation: variable("TRUNCATION") == "reference" ? .reference : .safe)
}

/// Writes all of a text at once, unbuffered: the driver waits for each reply.
func put(_ text: String, to descriptor: Int32) {
    let bytes = Array(text.utf8)
    var sent = 0
    while sent < bytes.count {
        // SAFETY: the pointer and the count are those of `bytes`, which outlives the call.
        let count = unsafe bytes[sent...].withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
        guard count > 0 else { exit(1) }
        sent += count
    }
}

do {
    var harness = Harness(settings: try harnessSettings())
    while let line = readLine() {
        let replies = try harness.reply(to: line)
        if !replies.isEmpty { put(replies.joined(separator: "\n") + "\n", to: STDOUT_FILENO) }
    }
} catch {
    put("negentropy-harness: \(error)\n", to: STDERR_FILENO)
    exit(1)
}
