/// Hands out the values of one mapping by key, keeps every problem, and at the end names the keys nobody asked for.
///
/// A key may be asked for again (two wires may share one); a problem is kept once.
package struct MappingReader: ~Copyable {
    private let node: YAMLNode
    private let values: [String: YAMLNode]
    private var asked: Set<String> = []
    private var problems: [ConfigProblem] = []
    private var seen: Set<ConfigProblem> = []
    private var reportsOnlySlips = false
    package let path: ConfigPath

    /// Where the mapping begins.
    package var at: Mark { node.at }

    /// Begins to read `node`; what is not a mapping is a problem, and reads as an empty one.
    init(_ node: YAMLNode, path: ConfigPath = []) {
        self.node = node
        self.path = path
        if case .mapping(let entries, _) = node.content {
            values = Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        } else {
            values = [:]
            if node.content != .refused { report(.wrongKind(expected: .mapping, found: node.kind), at: node.at) }
        }
    }

    /// The value of `key`, or `fallback` where it is missing or wrong.
    package mutating func read<Value>(_ key: String, default fallback: Value, _ reader: ValueReader<Value>) -> Value {
        optional(key, reader) ?? fallback
    }

    /// The value of `key`; `nil` where it is missing or wrong.
    package mutating func optional<Value>(_ key: String, _ reader: ValueReader<Value>) -> Value? {
        guard let value = value(key) else { return nil }
        return read(value, path.appending(.key(key)), reader)
    }

    /// The value of `key`; `nil` where it is missing, which is a problem, or wrong.
    package mutating func require<Value>(_ key: String, _ reader: ValueReader<Value>) -> Value? {
        if values[key] == nil, case .mapping = node.content { report(.missingKey(key), at: node.at) }
        return optional(key, reader)
    }

    /// The items of a list of plain values; a missing or empty key is an empty list.
    package mutating func list<Value>(_ key: String, _ reader: ValueReader<Value>) -> [Value] {
        let path = path.appending(.key(key))
        return items(key).enumerated().compactMap { read($1, path.appending(.index($0)), reader) }
    }

    /// The items of a list of mappings. What `body` leaves unread is reported.
    package mutating func mappings<Value>(_ key: String, _ body: (inout MappingReader) -> Value) -> [Value] {
        let path = path.appending(.key(key))
        return items(key).enumerated().map { nested($1, path.appending(.index($0)), body) }
    }

    /// Reads a mapping within this one; a missing or empty key reads as nothing, and `body` is not called.
    package mutating func mapping(_ key: String, _ body: (inout MappingReader) -> Void) {
        guard let value = value(key), !value.isEmpty else { return }
        nested(value, path.appending(.key(key)), body)
    }

    /// Whether the key is there, whatever its value.
    package func has(_ key: String) -> Bool { values[key] != nil }

    /// Where the value of `key` stands, else where the mapping begins.
    package func at(_ key: String) -> Mark { values[key]?.at ?? node.at }

    /// Notes what is wrong with the value of `key`, seen only in the light of others.
    package mutating func report(_ reason: ConfigProblem.Reason, about key: String) {
        report(reason, at: at(key), path: path.appending(.key(key)))
    }

    /// Of unknown keys reports only those that look like a slip of the pen, for others may well be right.
    mutating func reportOnlySlips() { reportsOnlySlips = true }

    /// All problems of this mapping and of those within, unknown keys among them.
    consuming func finish() -> [ConfigProblem] {
        if case .mapping(let entries, _) = node.content {
            let known = asked.sorted()
            for entry in entries where !asked.contains(entry.key) {
                if reportsOnlySlips, closest(to: entry.key, among: known) == nil { continue }
                report(.unknownKey(entry.key, known: known), at: entry.keyNode.at)
            }
        }
        return problems
    }

    private mutating func value(_ key: String) -> YAMLNode? {
        asked.insert(key)
        return values[key]
    }

    private mutating func items(_ key: String) -> [YAMLNode] {
        guard let value = value(key), !value.isEmpty else { return [] }
        switch value.content {
        case .sequence(let items, _): return items
        case .refused: return []
        case .scalar, .mapping:
            report(.wrongKind(expected: .list, found: value.kind), about: key)
            return []
        }
    }

    private mutating func read<Value>(_ node: YAMLNode, _ path: ConfigPath, _ reader: ValueReader<Value>) -> Value? {
        // Already a problem, and nothing can be said of its value.
        if node.content == .refused { return nil }
        do throws(ConfigProblem.Reason) {
            return try reader(node)
        } catch {
            report(error, at: node.at, path: path)
            return nil
        }
    }

    @discardableResult
    private mutating func nested<Value>(
        _ node: YAMLNode, _ path: ConfigPath, _ body: (inout MappingReader) -> Value
    ) -> Value {
        var reader = MappingReader(node, path: path)
        let value = body(&reader)
        for problem in reader.finish() { keep(problem) }
        return value
    }

    private mutating func report(_ reason: ConfigProblem.Reason, at: Mark) { report(reason, at: at, path: path) }

    private mutating func report(_ reason: ConfigProblem.Reason, at: Mark, path: ConfigPath) {
        keep(ConfigProblem(at: at, path: path, reason: reason))
    }

    private mutating func keep(_ problem: ConfigProblem) {
        if seen.insert(problem).inserted { problems.append(problem) }
    }
}
