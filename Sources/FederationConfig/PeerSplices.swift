import FederationCore

/// Where a new peer goes, for each way in which `peers` can be laid out.
extension ConfigEditor {
    /// `nil` for a layout that has no place for it.
    func peerSplices(_ peer: Config.Peer) -> [Splice]? {
        guard case .mapping(let entries, let isFlow) = root.content, let last = entries.last else { return nil }
        guard let peers = root.entry("peers") else {
            return isFlow
                ? [Splice(at: last.value.contentEnd, ", peers: [\(peer.flowText(isSpaced: false))]")]
                : [newKey(peer)]
        }
        switch peers.value.content {
        case .scalar where isFlow: return [Splice(peers.value.range, " [\(peer.flowText(isSpaced: false))]")]
        case .scalar: return [firstItem(peer, of: peers)]
        case .sequence(let items, isFlow: false): return [nextItem(peer, after: items, of: peers.value)]
        case .sequence([], isFlow: true):
            return isFlow ? [firstFlowItem(peer, of: peers.value)] : unfolded(peer, peers)
        case .sequence(let items, isFlow: true): return nextFlowItem(peer, after: items).map { [$0] }
        case .mapping, .refused: return nil
        }
    }

    /// `peers:` at the end of a text that lacks it, with a blank line before it where the text has any.
    private func newKey(_ peer: Config.Peer) -> Splice {
        var offset = endOfLine(root.contentEnd)
        while offset < text.count, !text[offset...].starts(with: "...".utf8) { offset = endOfLine(offset) }
        let indent = String(repeating: " ", count: root.at.column - 1)
        let lines = ["\(indent)peers:"] + peer.blockLines(indent: indent + "  ", gap: 2)
        let hasBlankLines = text.indices.contains { isStartOfLine($0) && isBlank(lineAt: $0) }
        let endsBlank = offset > 0 && isStartOfLine(offset) && isBlank(lineAt: startOfLine(offset - 1))
        return insertion(of: (hasBlankLines && !endsBlank ? [""] : []) + lines, at: offset)
    }

    /// The first entry below a `peers:` without a value, and below the comments that belong to it.
    private func firstItem(_ peer: Config.Peer, of peers: YAMLNode.Entry) -> Splice {
        let keyIndent = root.at.column - 1
        let line = endOfLine(peers.value.range.lowerBound)
        let end = endOfComments(from: line, deeperThan: keyIndent)
        let indent = end > line ? indentation(lineAt: line) : keyIndent + 2
        return insertion(of: peer.blockLines(indent: String(repeating: " ", count: indent), gap: 2), at: end)
    }

    /// One more entry of a block list, laid out as the last one is.
    private func nextItem(_ peer: Config.Peer, after items: [YAMLNode], of list: YAMLNode) -> Splice {
        let column = list.at.column - 1
        let indent = String(repeating: " ", count: column)
        var gap = 2
        var lines: [String]?
        var end = list.contentEnd
        if let last = items.last {
            let dash = startOfLine(last.range.lowerBound) + column
            if text.indices.contains(dash), text[dash] == 0x2D { gap = max(2, last.range.lowerBound - dash) }
            if case .mapping(_, isFlow: true) = last.content {
                let dash = indent + "-" + String(repeating: " ", count: gap - 1)
                lines = [dash + peer.flowText(isSpaced: isSpaced(last))]
            }
        }
        // A block scalar's range takes in the line break behind it.
        while end > 0, [0x20, 0x0A, 0x0D].contains(text[end - 1]) { end -= 1 }
        let offset = endOfComments(from: endOfLine(end), deeperThan: column)
        return insertion(of: lines ?? peer.blockLines(indent: indent, gap: gap), at: offset)
    }

    /// `[]` becomes a block list, if only a comment follows it on its line.
    private func unfolded(_ peer: Config.Peer, _ peers: YAMLNode.Entry) -> [Splice] {
        let list = peers.value.range
        guard peers.value.at.line == peers.keyNode.at.line, text[list].allSatisfy({ "[] ".utf8.contains($0) }) else {
            return [firstFlowItem(peer, of: peers.value)]
        }
        var start = list.lowerBound
        while start > 0, text[start - 1] == 0x20 { start -= 1 }
        let line = endOfLine(list.upperBound)
        let indent = String(repeating: " ", count: root.at.column + 1)
        return [
            Splice(start..<list.upperBound, ""),
            insertion(of: peer.blockLines(indent: indent, gap: 2), at: line),
        ]
    }

    private func firstFlowItem(_ peer: Config.Peer, of list: YAMLNode) -> Splice {
        Splice(at: list.range.lowerBound + 1, peer.flowText(isSpaced: false))
    }

    /// One more item of a flow list, on a line of its own if the last one has one.
    private func nextFlowItem(_ peer: Config.Peer, after items: [YAMLNode]) -> Splice? {
        guard let last = items.last else { return nil }
        let item = peer.flowText(isSpaced: isSpaced(last))
        let indent = indentation(lineAt: startOfLine(last.range.lowerBound))
        let isFirstOfLine = startOfLine(last.range.lowerBound) + indent == last.range.lowerBound
        let space = isFirstOfLine ? lineBreak + String(repeating: " ", count: indent) : " "
        return Splice(at: last.contentEnd, ",\(space)\(item)")
    }
}

extension Config.Peer {
    /// What the entry says, in order; what is as it would be anyway is left out.
    private var entries: [(key: String, value: String)] {
        var entries = [("name", name)]
        if let endpoint { entries.append(("endpoint", endpoint.url)) }
        let written = mode == .paused && resumesAs != .sync ? resumesAs : mode
        if written != .sync { entries.append(("mode", written.rawValue)) }
        if written != mode { entries.append(("paused", "true")) }
        if case .only(let wire) = wire { entries.append(("wire", wire.rawValue)) }
        if let interval { entries.append(("interval", interval.shortText)) }
        if timeout != Limits.requestDeadline { entries.append(("timeout", timeout.shortText)) }
        if let id { entries.append(("id", id.description)) }
        return entries
    }

    /// An entry of a block list, its keys `gap` columns right of the dash.
    fileprivate func blockLines(indent: String, gap: Int) -> [String] {
        let first = indent + "-" + String(repeating: " ", count: gap - 1)
        let other = indent + String(repeating: " ", count: gap)
        return entries.enumerated().map { ($0 == 0 ? first : other) + "\($1.key): \($1.value.yamlScalar)" }
    }

    fileprivate func flowText(isSpaced: Bool) -> String {
        let inner = entries.map { "\($0.key): \($0.value.yamlScalar)" }.joined(separator: ", ")
        return isSpaced ? "{ \(inner) }" : "{\(inner)}"
    }
}
