package import FederationCore

/// The changes that commands make to what a configuration says already.
extension ConfigEditor {
    /// The text without the peer of this name.
    ///
    /// - Throws: `.unknownPeer`, or `.layout`.
    package func removing(peer name: String) throws(ConfigEditFailure) -> [UInt8] {
        let index = try index(ofPeer: name)
        guard let splices = removing(peerAt: index) else { throw .layout }
        var wanted = config
        wanted.peers.remove(at: index)
        return try checked(splices) { $0 == wanted }
    }

    /// The text with another mode of a peer, which stays paused if it is.
    ///
    /// - Throws: `.unknownPeer`, or `.layout`.
    package func setting(mode: NodeMode, ofPeer name: String) throws(ConfigEditFailure) -> [UInt8] {
        let peer = config.peers[try index(ofPeer: name)]
        return try setting(PeerMode(mode), isPaused: peer.mode == .paused, ofPeer: name)
    }

    /// The text with a peer paused, its mode kept for later.
    package func pausing(peer name: String) throws(ConfigEditFailure) -> [UInt8] {
        let peer = config.peers[try index(ofPeer: name)]
        if peer.mode == .paused { return bytes }
        return try setting(peer.mode, isPaused: true, ofPeer: name)
    }

    /// The text with a paused peer back in the mode that its entry keeps.
    package func resuming(peer name: String) throws(ConfigEditFailure) -> [UInt8] {
        let peer = config.peers[try index(ofPeer: name)]
        if peer.mode != .paused { return bytes }
        return try setting(peer.resumesAs, isPaused: false, ofPeer: name)
    }

    /// The text with another mode of the node.
    package func setting(mode: NodeMode) throws(ConfigEditFailure) -> [UInt8] {
        if config.mode == mode { return bytes }
        var wanted = config
        wanted.mode = mode
        var ways: [[Splice]] = []
        if let entry = root.entry("mode") {
            ways = [replacing(entry.value, with: mode.rawValue).map { [$0] }].compactMap { $0 }
        } else {
            if let line = lineBehindComment(of: "mode") { ways.append([insertion(of: ["mode: \(mode.rawValue)"], at: line)]) }
            let neighbour = ["hosts", "listen", "data", "name"].lazy.compactMap { self.root.entry($0) }.first
            if let neighbour, let splice = inserting("mode", mode.rawValue, in: root, behind: neighbour) {
                ways.append([splice])
            }
        }
        return try first(of: ways) { $0 == wanted }
    }

    /// The text with another name of the node.
    ///
    /// - Throws: `.problemsAfter` where it is no name, or a peer's; or `.layout`.
    package func renaming(to name: String) throws(ConfigEditFailure) -> [UInt8] {
        if config.name == name { return bytes }
        guard PeerName.isValid(name), let entry = root.entry("name") else {
            throw .problemsAfter(ConfigProblems(problems: [
                ConfigProblem(at: root.nearest(to: [.key("name")]).at, path: [.key("name")], reason: .notAName(name))
            ]))
        }
        guard let splice = replacing(entry.value, with: name) else { throw .layout }
        var wanted = config
        wanted.name = name
        return try checked([splice]) { $0 == wanted }
    }

    // MARK: How

    private func index(ofPeer name: String) throws(ConfigEditFailure) -> Int {
        guard let index = config.peers.firstIndex(where: { $0.name == name }) else { throw .unknownPeer }
        return index
    }

    private func setting(
        _ mode: PeerMode, isPaused: Bool, ofPeer name: String
    ) throws(ConfigEditFailure) -> [UInt8] {
        let index = try index(ofPeer: name)
        var wanted = config
        wanted.peers[index].mode = isPaused ? .paused : mode
        wanted.peers[index].resumesAs = isPaused ? mode : .sync
        if wanted == config { return bytes }
        guard case .sequence(let items, _) = root["peers"]?.content, items.indices.contains(index),
            let splices = modeSplices(of: items[index], mode, isPaused: isPaused)
        else { throw .layout }
        return try checked(splices) { $0 == wanted }
    }

    /// `mode: paused` for a peer that is otherwise as it would be by default, as Noema writes it; else `paused: true`
    /// beside the mode.
    private func modeSplices(of item: YAMLNode, _ mode: PeerMode, isPaused: Bool) -> [Splice]? {
        let written = item.entry("mode")
        let paused = item.entry("paused")
        guard let neighbour = item.entry("endpoint") ?? item.entry("name") else { return nil }
        var splices: [Splice?] = []
        let isShort = isPaused && mode == .sync && paused == nil
        let word = isShort ? PeerMode.paused.rawValue : mode.rawValue
        if let written {
            if written.value.content.text != word {
                // What pausing put in goes again; what a person wrote gets another value.
                let goes = written.value.content.text == PeerMode.paused.rawValue && mode == .sync
                splices.append((goes ? removal(of: "mode", from: item) : nil) ?? replacing(written.value, with: word))
            }
        } else if word != PeerMode.sync.rawValue {
            splices.append(inserting("mode", word, in: item, behind: neighbour))
        }
        if isPaused, !isShort {
            if let paused {
                splices.append(replacing(paused.value, with: "true"))
            } else {
                splices.append(inserting("paused", "true", in: item, behind: written ?? neighbour))
            }
        } else if let paused, !isPaused {
            splices.append(removal(of: "paused", from: item) ?? replacing(paused.value, with: "false"))
        }
        let found = splices.compactMap { $0 }
        return found.count == splices.count ? found : nil
    }

    private func removal(of key: String, from item: YAMLNode) -> Splice? {
        guard case .mapping(let entries, _) = item.content, let index = entries.firstIndex(where: { $0.key == key })
        else { return nil }
        return removing(entryAt: index, of: item)
    }

    /// Behind a line such as `#mode: sync`, which is where a person would write the key.
    private func lineBehindComment(of key: String) -> Int? {
        guard case .mapping(_, isFlow: false) = root.content, root.at.column == 1 else { return nil }
        var line = 0
        while line < text.count {
            let next = endOfLine(line)
            if text[line..<next].starts(with: "#\(key):".utf8) { return next }
            line = next
        }
        return nil
    }

    private func first(of ways: [[Splice]], _ isWanted: (Config) -> Bool) throws(ConfigEditFailure) -> [UInt8] {
        for way in ways.dropLast() {
            if let result = try? checked(way, isWanted) { return result }
        }
        guard let last = ways.last else { throw .layout }
        return try checked(last, isWanted)
    }
}

extension PeerMode {
    init(_ mode: NodeMode) {
        switch mode {
        case .sync: self = .sync
        case .publish: self = .publish
        case .subscribe: self = .subscribe
        }
    }
}

extension YAMLNode.Content {
    fileprivate var text: String? { if case .scalar(let text, _) = self { text } else { nil } }
}
