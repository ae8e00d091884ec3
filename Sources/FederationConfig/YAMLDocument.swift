import FederationCore

/// A YAML text read into nodes, with all that was wrong with it.
///
/// Refused are, each with its place: anything but UTF-8, control characters, tabs outside comments, more than
/// `Limits.configBytes`, nesting deeper than `Limits.configDepth`, anchors, aliases, tags, duplicate keys, keys that
/// are not text, several documents, and an empty one. Nothing in a text can make reading it trap.
package struct YAMLDocument: Sendable {
    /// The top of the document; `nil` when the text could not be read to its end.
    package var root: YAMLNode?
    package var problems: [ConfigProblem]

    package static func parse(_ bytes: [UInt8]) -> YAMLDocument {
        let text = bytes.starts(with: byteOrderMark) ? Array(bytes.dropFirst(byteOrderMark.count)) : bytes
        let scan = TextScan(text)
        guard scan.problems.isEmpty else { return YAMLDocument(root: nil, problems: scan.problems) }
        guard let events = YAMLEventReader(text) else {
            let reason = ConfigProblem.Reason.syntax("memory is short", context: nil, from: nil)
            return YAMLDocument(root: nil, problems: [ConfigProblem(at: .start, path: [], reason: reason)])
        }
        var composer = YAMLComposer(events: events, offsets: scan.offsets, byteCount: text.count)
        let root = composer.document()
        return YAMLDocument(root: root, problems: composer.problems)
    }

    /// What some editors put before UTF-8; it is not part of the text.
    static let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
}

/// The checks that need no grammar, made before libyaml sees a byte.
private struct TextScan {
    private(set) var problems: [ConfigProblem] = []
    /// The byte offset of each Unicode scalar, and of the end; `nil` for ASCII, where it would count 0, 1, 2…
    private(set) var offsets: [UInt32]?

    init(_ text: [UInt8]) {
        guard text.count <= Limits.configBytes else {
            report(.tooLong(limit: Limits.configBytes), at: .start)
            return
        }
        var mark = Mark.start
        var inComment = false
        var tabLine = 0
        var previous: Unicode.Scalar = "\n"
        var decoder = UTF8.ForwardParser()
        var bytes = text.makeIterator()
        var offset = 0
        var table: [UInt32] = []
        let isASCII = text.allSatisfy { $0 < 0x80 }
        scalars: while true {
            if !isASCII { table.append(UInt32(offset)) }
            let scalar: Unicode.Scalar
            switch decoder.parseScalar(from: &bytes) {
            case .emptyInput: break scalars
            case .error:
                report(.notUTF8, at: mark)
                return
            case .valid(let encoded):
                scalar = UTF8.decode(encoded)
                offset += encoded.count
            }
            switch scalar {
            case "\n" where previous == "\r": break  // The second half of one line break.
            case "\n", "\r":
                mark = Mark(line: mark.line + 1, column: 1)
                inComment = false
                previous = scalar
                continue
            case "\t" where !inComment && tabLine != mark.line:
                report(.tab, at: mark)
                tabLine = mark.line
            case "#" where previous == " " || previous == "\t" || mark.column == 1: inComment = true
            case _ where scalar.isControl: report(.controlCharacter(scalar.value), at: mark)
            default: break
            }
            if scalar != "\n" { mark.column += 1 }
            previous = scalar
            // The rest would be more of the same.
            if problems.count >= Limits.configProblems { return }
        }
        if !isASCII { offsets = table }
    }

    private mutating func report(_ reason: ConfigProblem.Reason, at mark: Mark) {
        problems.append(ConfigProblem(at: mark, path: [], reason: reason))
    }
}

extension Unicode.Scalar {
    /// What YAML does not allow, and the line breaks of YAML 1.1 that editors do not count as such.
    fileprivate var isControl: Bool {
        switch value {
        case 0x09, 0x0A, 0x0D: false
        case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF: true
        default: false
        }
    }
}

/// Builds the nodes of one document from libyaml's events.
private struct YAMLComposer: ~Copyable {
    /// The text cannot be read further; the problem is noted.
    private struct Stop: Error {}

    private var events: YAMLEventReader
    private let offsets: [UInt32]?
    private let byteCount: Int
    private var values = 0
    private(set) var problems: [ConfigProblem] = []

    init(events: consuming YAMLEventReader, offsets: [UInt32]?, byteCount: Int) {
        self.events = events
        self.offsets = offsets
        self.byteCount = byteCount
    }

    mutating func document() -> YAMLNode? {
        do throws(Stop) {
            guard case .streamStart = try next().kind else { return nil }
            let first = try next()
            guard case .documentStart(let hasTagDirectives) = first.kind else {
                report(.emptyDocument, at: .start, path: [])
                return nil
            }
            if hasTagDirectives { report(.tag, at: first.start.mark, path: []) }
            let root = try node(try next(), depth: 1, path: [])
            if root.isEmpty { throw stop(.emptyDocument, at: root.at, path: []) }
            _ = try next()
            let after = try next()
            if case .documentStart = after.kind { report(.severalDocuments, at: after.start.mark, path: []) }
            return root
        } catch {
            return nil
        }
    }

    private mutating func node(_ event: YAMLEvent, depth: Int, path: ConfigPath) throws(Stop) -> YAMLNode {
        let at = event.start.mark
        values += 1
        if values > Limits.configValues { throw stop(.tooManyValues(limit: Limits.configValues), at: at, path: path) }
        if depth > Limits.configDepth { throw stop(.tooDeep(limit: Limits.configDepth), at: at, path: path) }
        if event.hasAnchor { report(.anchor, at: at, path: path) }
        if event.hasTag { report(.tag, at: at, path: path) }
        switch event.kind {
        case .scalar(let text, let isPlain): return made(.scalar(text, isPlain: isPlain), from: event, to: event)
        case .sequenceStart(let isFlow):
            var items: [YAMLNode] = []
            while true {
                let path = path.appending(.index(items.count))
                let item = try next()
                if case .sequenceEnd = item.kind {
                    return made(.sequence(items, isFlow: isFlow), from: event, to: item)
                }
                items.append(try node(item, depth: depth + 1, path: path))
            }
        case .mappingStart(let isFlow):
            let (entries, end) = try entries(depth: depth, path: path)
            return made(.mapping(entries, isFlow: isFlow), from: event, to: end)
        case .alias:
            report(.alias, at: at, path: path)
            return made(.refused, from: event, to: event)
        case .streamStart, .streamEnd, .documentStart, .documentEnd, .sequenceEnd, .mappingEnd:
            // libyaml's grammar never puts these where a value must stand.
            throw stop(.syntax("a value was expected", context: nil, from: nil), at: at, path: path)
        }
    }

    private mutating func entries(depth: Int, path: ConfigPath) throws(Stop) -> ([YAMLNode.Entry], YAMLEvent) {
        var entries: [YAMLNode.Entry] = []
        var first: [String: Mark] = [:]
        while true {
            let event = try next()
            if case .mappingEnd = event.kind { return (entries, event) }
            let keyNode = try node(event, depth: depth + 1, path: path)
            guard case .scalar(let key, _) = keyNode.content else {
                if keyNode.content != .refused { report(.keyIsNotText, at: keyNode.at, path: path) }
                _ = try node(try next(), depth: depth + 1, path: path)
                continue
            }
            let inner = path.appending(.key(key))
            let value = try node(try next(), depth: depth + 1, path: inner)
            if let first = first[key] {
                report(.duplicateKey(key, first: first), at: keyNode.at, path: path)
            } else {
                first[key] = keyNode.at
                entries.append(YAMLNode.Entry(key: key, keyNode: keyNode, value: value))
            }
        }
    }

    private mutating func next() throws(Stop) -> YAMLEvent {
        do throws(YAMLFault) {
            return try events.next()
        } catch {
            throw stop(.syntax(error.problem, context: error.context, from: error.contextAt), at: error.at, path: [])
        }
    }

    private func made(_ content: YAMLNode.Content, from start: YAMLEvent, to end: YAMLEvent) -> YAMLNode {
        let lower = offset(of: start.start)
        return YAMLNode(content: content, at: start.start.mark, range: lower..<max(lower, offset(of: end.end)))
    }

    private func offset(of position: YAMLPosition) -> Int {
        guard let offsets else { return min(position.index, byteCount) }
        return Int(offsets[min(position.index, offsets.count - 1)])
    }

    private mutating func report(_ reason: ConfigProblem.Reason, at mark: Mark, path: ConfigPath) {
        problems.append(ConfigProblem(at: mark, path: path, reason: reason))
    }

    private mutating func stop(_ reason: ConfigProblem.Reason, at mark: Mark, path: ConfigPath) -> Stop {
        report(reason, at: mark, path: path)
        return Stop()
    }
}
