internal import Glibc
internal import Synchronization

extension FailPoint {
    /// Ends this process as `kill -9` would, if `FEDERATION_FAIL_POINT` names this place and this pass of it:
    /// `before-commit:7` is the seventh.
    package func pass() {
        guard let armed = FailPoint.armed, armed.point == self else { return }
        guard FailPoint.passes.add(1, ordering: .relaxed).newValue == armed.pass else { return }
        kill(getpid(), SIGKILL)
        while true { pause() }
    }

    /// Passes the place that belongs to a statement that has been carried out; for one that only reads there is none.
    package static func passed(statement: StaticString) {
        guard let table = statement.withUTF8Buffer({ unsafe writtenTable($0) }) else { return }
        guard let point = FailPoint(rawValue: "wrote-" + table.map { $0 == "_" ? "-" : String($0) }.joined()) ?? aliases[table] else {
            // A table nobody has thought of is one that no kill was tried at.
            preconditionFailure("no fail point for what is written to \(table)")
        }
        point.pass()
    }

    private static let aliases: [String: FailPoint] = ["federation_state": .wroteState]

    private static let armed: (point: FailPoint, pass: Int)? = {
        guard let text = unsafe getenv("FEDERATION_FAIL_POINT").map({ unsafe String(cString: $0) }) else { return nil }
        let parts = text.split(separator: ":")
        if text == "list" {
            for point in allCases {
                let line = Array("\(point.rawValue)\n".utf8)
                _ = unsafe write(STDOUT_FILENO, line, line.count)
            }
            exit(0)
        }
        guard let name = parts.first, let point = FailPoint(rawValue: String(name)) else {
            preconditionFailure("FEDERATION_FAIL_POINT names no fail point")
        }
        return (point, parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
    }()

    private static let passes = Atomic(0)

    /// Arms the point that the environment names, or prints all of them and ends the process where it says `list`.
    package static func arm() { _ = armed }

    /// `nil` for a statement that writes to no table.
    private static func writtenTable(_ text: UnsafeBufferPointer<UInt8>) -> String? {
        let words = unsafe String(decoding: text.prefix(200), as: UTF8.self)
            .split(maxSplits: 6, whereSeparator: { $0 == " " || $0 == "\n" || $0 == "(" }).map(String.init)
        switch words.first {
        case "INSERT": return words.firstIndex(of: "INTO").flatMap { words.indices.contains($0 + 1) ? words[$0 + 1] : nil }
        case "UPDATE": return words.count > 1 ? words[1] : nil
        case "DELETE": return words.count > 2 ? words[2] : nil
        default: return nil
        }
    }
}
