internal import Glibc

/// What these programs say to whoever runs them.
package enum Terminal {
    package static func say(_ line: String) { write(line + "\n", to: STDOUT_FILENO) }
    package static func complain(_ line: String) { write(line + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            bytes = bytes.dropFirst(count)
        }
    }
}
