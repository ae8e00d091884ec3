/// How a peer's entry is taken out, for each way in which `peers` can be laid out.
///
/// What stands inside the entry goes with it, comments too, and so do those directly below that are indented as if they
/// belonged to it. What stands above it stays: nobody can say what it is about.
extension ConfigEditor {
    /// `nil` for a layout where something else would go as well.
    func removing(peerAt index: Int) -> [Splice]? {
        guard let peers = root.entry("peers"), case .sequence(let items, let isFlow) = peers.value.content,
            items.indices.contains(index)
        else { return nil }
        return isFlow ? flowRemoval(index, items) : blockRemoval(index, items, peers)
    }

    private func blockRemoval(_ index: Int, _ items: [YAMLNode], _ peers: YAMLNode.Entry) -> [Splice]? {
        let column = peers.value.at.column - 1
        let floor = index == 0 ? peers.value.range.lowerBound : items[index - 1].contentEnd
        guard let start = lineOfDash(of: items[index], column: column, above: floor) else { return nil }
        var end = items[index].contentEnd
        while end > start, [0x20, 0x0A, 0x0D].contains(text[end - 1]) { end -= 1 }
        end = endOfComments(from: endOfLine(end), deeperThan: column)
        // Of blank lines before and behind it, one lot is enough.
        if start > 0, isBlank(lineAt: startOfLine(start - 1)) {
            while end < text.count, isBlank(lineAt: end) { end = endOfLine(end) }
        }
        var splices = [Splice(wholeLines(start..<end), "")]
        if items.count == 1 {
            var colon = peers.keyNode.range.upperBound
            while colon < text.count, text[colon] == 0x20 { colon += 1 }
            guard colon < start, text[colon] == 0x3A else { return nil }
            splices.append(Splice(at: colon + 1, " []"))
        }
        return splices
    }

    /// The line that an item's dash stands on, if only spaces are before it.
    private func lineOfDash(of item: YAMLNode, column: Int, above floor: Int) -> Int? {
        var line = startOfLine(item.range.lowerBound)
        while indentation(lineAt: line) != column || line + column >= text.count || text[line + column] != 0x2D {
            guard line > floor else { return nil }
            line = startOfLine(line - 1)
        }
        return line
    }

    private func flowRemoval(_ index: Int, _ items: [YAMLNode]) -> [Splice]? {
        let item = items[index]
        let (start, end) = (item.range.lowerBound, item.contentEnd)
        let comma = comma(behind: end)
        if let lines = ownLines(from: start, to: comma.map { $0 + 1 } ?? end) {
            var splices = [Splice(lines, "")]
            // The comma before it would be one too many: YAML allows that, JSON does not.
            if comma == nil, index > 0, let before = self.comma(behind: items[index - 1].contentEnd) {
                splices.append(Splice(before..<before + 1, ""))
            }
            return splices
        }
        let range: Range<Int>
        let gap: Range<Int>
        if index > 0 {
            range = items[index - 1].contentEnd..<end
            gap = items[index - 1].contentEnd..<start
        } else if items.count > 1 {
            range = start..<items[1].range.lowerBound
            gap = end..<items[1].range.lowerBound
        } else {
            range = start..<(comma.map { $0 + 1 } ?? end)
            gap = end..<range.upperBound
        }
        return text[gap].contains(0x23) ? nil : [Splice(range, "")]
    }

    /// The whole lines that an item with its comma stands on, together with a comment at the end of the last.
    private func ownLines(from start: Int, to end: Int) -> Range<Int>? {
        let first = startOfLine(start)
        let next = endOfLine(end)
        guard text[first..<start].allSatisfy({ $0 == 0x20 }) else { return nil }
        let rest = text[end..<next].drop { $0 == 0x20 }
        guard let byte = rest.first else { return nil }
        return [0x0A, 0x0D, 0x23].contains(byte) ? first..<next : nil
    }

    /// Where the comma behind an item is: white space and comments may come before it.
    private func comma(behind end: Int) -> Int? {
        var offset = end
        while offset < text.count {
            switch text[offset] {
            case 0x2C: return offset
            case 0x20, 0x0A, 0x0D: offset += 1
            case 0x23: offset = endOfLine(offset)
            default: return nil
            }
        }
        return nil
    }
}
