/// The lines of the text that is edited. A line is named by the offset of its first byte, its break belongs to it.
extension ConfigEditor {
    /// The break that the text uses.
    var lineBreak: String {
        guard let first = text.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else { return "\n" }
        if text[first] == 0x0A { return "\n" }
        return text[first...].starts(with: [0x0D, 0x0A]) ? "\r\n" : "\r"
    }

    /// Whether a line begins at `offset`; it does at the end of a text that ends with a break.
    func isStartOfLine(_ offset: Int) -> Bool {
        guard offset > 0 else { return true }
        return text[offset - 1] == 0x0A || text[offset - 1] == 0x0D && (offset == text.count || text[offset] != 0x0A)
    }

    /// The beginning of the line that `offset` is in.
    func startOfLine(_ offset: Int) -> Int {
        var offset = min(offset, text.count)
        while !isStartOfLine(offset) { offset -= 1 }
        return offset
    }

    /// Behind the line that `offset` is in: the beginning of the next one, or the end of the text.
    func endOfLine(_ offset: Int) -> Int {
        var offset = offset
        while offset < text.count {
            offset += 1
            if isStartOfLine(offset) { break }
        }
        return offset
    }

    /// How many spaces the line begins with.
    func indentation(lineAt start: Int) -> Int { text[start...].prefix { $0 == 0x20 }.count }

    func isBlank(lineAt start: Int) -> Bool {
        text[start..<endOfLine(start)].allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D }
    }

    /// Behind the comment lines that begin at `start` and are indented by more than `indent`: they belong to what
    /// stands above them.
    func endOfComments(from start: Int, deeperThan indent: Int) -> Int {
        var line = start
        while line < text.count, isStartOfLine(line) {
            let spaces = indentation(lineAt: line)
            guard spaces > indent, line + spaces < text.count, text[line + spaces] == 0x23 else { break }
            line = endOfLine(line)
        }
        return line
    }

    /// Whole lines put in where a line begins, or behind a last line that lacks its break.
    func insertion(of lines: [String], at offset: Int) -> Splice {
        let text = lines.map { $0 + lineBreak }.joined()
        return Splice(at: offset, isStartOfLine(offset) ? text : lineBreak + text)
    }

    /// Whether a flow mapping is written with spaces inside its braces.
    func isSpaced(_ node: YAMLNode) -> Bool {
        let inside = node.range.lowerBound + 1
        return inside < text.count && text[inside] == 0x20
    }
}
