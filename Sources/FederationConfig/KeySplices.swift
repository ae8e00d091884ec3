/// How a key of a mapping is given another value, put in, or taken out. Each is `nil` for a layout where that cannot be
/// done without touching something else.
extension ConfigEditor {
    /// `value` in place of a scalar, quoted as the old one was.
    func replacing(_ node: YAMLNode, with value: String) -> Splice? {
        guard case .scalar = node.content, node.range.lowerBound < text.count else { return nil }
        var end = node.range.upperBound
        // A block scalar's range takes in the line break behind it.
        while end > node.range.lowerBound, [0x20, 0x0A, 0x0D].contains(text[end - 1]) { end -= 1 }
        let range = node.range.lowerBound..<end
        switch text[range.lowerBound] {
        case 0x22: return Splice(range, "\"\(value)\"")
        case 0x27: return Splice(range, "'\(value)'")
        // A comment behind the sign of a block scalar would go as well.
        case 0x7C, 0x3E: return text[range].contains(0x23) ? nil : Splice(range, value.yamlScalar)
        default: return Splice(range, value.yamlScalar)
        }
    }

    /// A new key with its value, behind another entry of the same mapping.
    func inserting(_ key: String, _ value: String, in mapping: YAMLNode, behind neighbour: YAMLNode.Entry) -> Splice? {
        guard case .mapping(_, let isFlow) = mapping.content else { return nil }
        var end = neighbour.value.contentEnd
        guard isFlow else {
            while end > 0, [0x20, 0x0A, 0x0D].contains(text[end - 1]) { end -= 1 }
            let indent = String(repeating: " ", count: mapping.at.column - 1)
            return insertion(of: ["\(indent)\(key): \(value.yamlScalar)"], at: endOfLine(end))
        }
        let start = neighbour.keyNode.range.lowerBound
        let line = startOfLine(start)
        let indent = indentation(lineAt: line)
        // As JSON has it, where the key beside it is so.
        let quote = text[start] == 0x22 ? "\"" : ""
        let space = line + indent == start ? lineBreak + String(repeating: " ", count: indent) : " "
        let written = quote.isEmpty ? value.yamlScalar : "\"\(value)\""
        return Splice(at: end, ",\(space)\(quote)\(key)\(quote): \(written)")
    }

    /// Takes the entry at `index` out, where no comment would go with it.
    func removing(entryAt index: Int, of mapping: YAMLNode) -> Splice? {
        guard case .mapping(let entries, let isFlow) = mapping.content, entries.count > 1 else { return nil }
        let entry = entries[index]
        let (start, end) = (entry.keyNode.range.lowerBound, entry.value.contentEnd)
        guard isFlow else {
            guard !text[start..<end].contains(0x23) else { return nil }
            return lines(from: start, to: end).map { Splice($0, "") }
        }
        let range = index > 0 ? entries[index - 1].value.contentEnd..<end : start..<entries[1].keyNode.range.lowerBound
        return text[range].contains(0x23) ? nil : Splice(range, "")
    }

    /// The whole lines that a value stands on, if nothing but spaces is on them beside it. Of a last line without a
    /// break the one before it goes too.
    func lines(from start: Int, to end: Int) -> Range<Int>? {
        var end = end
        while end > start, [0x20, 0x0A, 0x0D].contains(text[end - 1]) { end -= 1 }
        let first = startOfLine(start)
        let next = endOfLine(end)
        guard text[first..<start].allSatisfy({ $0 == 0x20 }),
            text[end..<next].allSatisfy({ [0x20, 0x0A, 0x0D].contains($0) })
        else { return nil }
        return wholeLines(first..<next)
    }

    /// These lines, and where the text ends behind them without a break, the break before them.
    func wholeLines(_ range: Range<Int>) -> Range<Int> {
        guard range.upperBound == text.count, !isStartOfLine(text.count), range.lowerBound > 0 else { return range }
        var first = range.lowerBound - 1
        if text[first] == 0x0A, first > 0, text[first - 1] == 0x0D { first -= 1 }
        return first..<range.upperBound
    }
}
