/// Takes out of facts about a node what is nobody's but its people's, before the facts are shown to a stranger.
///
/// What people write never belongs there: members that could hold it go as a whole, and a record's id, which is made of its
/// title, is replaced wherever it stands. Names are replaced where that was asked for.
package struct Redaction: Sendable {
    /// Members that go, whatever they hold.
    private static let withheld: Set<String> = [
        "trace_id", "subject", "title", "body", "tags", "data", "bytes", "text", "content", "author", "announced",
    ]
    /// Members whose texts quote what a file says: the quotes are emptied.
    private static let quoting: Set<String> = ["problem", "problems", "warnings", "why", "list"]

    static let recordID = "(record)"

    /// What stands for what, the longest first.
    private let substitutes: [(name: [Unicode.Scalar], stand: String)]

    /// - Parameter names: what is not to be seen, and what stands for it instead.
    package init(hiding names: [String: String] = [:]) {
        substitutes = names.filter { !$0.key.isEmpty }.map { (Array($0.key.unicodeScalars), $0.value) }
            .sorted { ($0.0.count, $0.1) > ($1.0.count, $1.1) }
    }

    /// The same JSON without what is to go.
    ///
    /// - Parameter quotes: every text of it may quote what a file says.
    package func json(_ value: JSON, quotes: Bool = false) -> [UInt8] {
        var writer = JSONWriter()
        write(value, quotes: quotes, to: &writer)
        return writer.bytes
    }

    private func write(_ value: JSON, quotes: Bool, to writer: inout JSONWriter) {
        if let members = value.members {
            writer.object { writer in
                for (key, member) in members where !Redaction.withheld.contains(key) {
                    writer.key(text(key))
                    write(member, quotes: quotes || Redaction.quoting.contains(key), to: &writer)
                }
            }
        } else if let elements = value.array {
            writer.array { writer in for element in elements { write(element, quotes: quotes, to: &writer) } }
        } else if let string = value.string {
            writer.string(text(quotes ? Redaction.withoutQuotes(string) : string))
        } else {
            writer.raw(value.raw)
        }
    }

    /// One text without ids of records, and without the names that are hidden.
    package func text(_ text: String) -> String {
        var scalars = Array(text.unicodeScalars)
        scalars = Redaction.withoutRecordIDs(scalars)
        for (name, stand) in substitutes { scalars = Redaction.replacing(name, in: scalars, by: Array(stand.unicodeScalars)) }
        var result = String.UnicodeScalarView()
        result.append(contentsOf: scalars)
        return String(result)
    }

    /// `'…'` for everything from the first straight quote to the last: what is quoted may have an apostrophe of its own.
    static func withoutQuotes(_ text: String) -> String {
        guard let first = text.firstIndex(of: "'"), let last = text.lastIndex(of: "'") else { return text }
        // What is opened and not closed goes to its end.
        return text[..<first] + "'…" + (first == last ? "" : text[last...])
    }

    /// A word of eight digits, then groups behind dashes: `20260405-why-we-chose-it-k3x9qa`.
    private static func withoutRecordIDs(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < text.count {
            let starts = place == 0 || !isOfWord(text[place - 1])
            let end = starts ? recordIDEnd(in: text, from: place) : nil
            guard let end else {
                result.append(text[place])
                place += 1
                continue
            }
            result += Array(recordID.unicodeScalars)
            place = end
        }
        return result
    }

    private static func recordIDEnd(in text: [Unicode.Scalar], from start: Int) -> Int? {
        let digits = text[start...].prefix(8)
        guard digits.count == 8, digits.allSatisfy({ ("0"..."9").contains($0) }), start + 9 < text.count, text[start + 8] == "-",
            isOfWord(text[start + 9])
        else { return nil }
        return text[(start + 9)...].firstIndex { !isOfWord($0) && $0 != "-" } ?? text.count
    }

    /// Where it stands as a word of its own.
    private static func replacing(
        _ name: [Unicode.Scalar], in text: [Unicode.Scalar], by stand: [Unicode.Scalar]
    ) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var place = 0
        while place < text.count {
            let end = place + name.count
            let isHere = end <= text.count && text[place] == name[0] && text[place..<end].elementsEqual(name)
                && (place == 0 || !isOfWord(text[place - 1])) && (end == text.count || !isOfWord(text[end]))
            result += isHere ? stand : [text[place]]
            place = isHere ? end : place + 1
        }
        return result
    }

    private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isAlphabetic || ("0"..."9").contains(scalar) || scalar == "_" }
}
