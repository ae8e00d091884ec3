internal import FederationCore

/// Concurrent edits: Noema makes a trace of its own that holds both texts (Noema sections 7.3 and 7.4).
extension NoemaStandIn {
    /// Keeps the local text, writes the divergence, and stores the remote event.
    mutating func diverge(
        _ trace: NoemaTrace, local: NoemaClock, _ remote: NoemaEvent, _ snapshot: Snapshot, now: WallTime
    ) throws(NoemaFailure) {
        let ours = NoemaVersion(
            name: settings.name, cortexID: id, clock: local, body: body(of: trace.id) ?? "")
        let theirs = NoemaVersion(
            name: remote.origin, cortexID: remote.cortexID, clock: remote.clock, body: snapshot.body)
        var divergence = Snapshot()
        divergence.title = "Divergence: " + trace.title
        divergence.type = TraceType.divergence.rawValue
        divergence.author = "system"
        divergence.tags = ["divergence", "needs-resolution"]
        divergence.derivedFrom = [trace.id]
        divergence.origin = settings.name
        divergence.tier = Tier.short.rawValue
        divergence.body = NoemaVersion.body(of: trace.id, [ours, theirs], rules)
        let divergenceID = now.compactDate + "-" + noemaSlug("divergence-" + trace.id)

        guard traces[divergenceID] == nil else {
            // Go writes the file, cannot insert the row, and then removes the file: the first divergence's text is
            // gone, and so is the remote edit (section 10.2, 2). Rust's `add` just fails (10.2, 20).
            if rules == .go { files[NoemaFile(folder: .active, traceID: divergenceID)] = nil }
            throw .uniqueConstraint
        }
        insert(divergence, as: divergenceID, now: now)
        store(remote)
    }

    /// The sections of a divergence's text, as `resolve` reads them.
    package func versions(in divergenceID: String) -> [NoemaVersion] {
        NoemaVersion.read(body(of: divergenceID) ?? "")
    }
}

/// One side of a divergence.
package struct NoemaVersion: Hashable, Sendable {
    package var name: String
    package var cortexID: String
    package var clock: NoemaClock
    package var body: String

    /// `<name> (<first 8 characters of the id>)`.
    package var label: String { cortexID.isEmpty ? name : "\(name) (\(cortexID.prefix(8)))" }

    /// The text of a divergence, versions in order of cortex id.
    static func body(of traceID: String, _ versions: [NoemaVersion], _ rules: NoemaRules) -> String {
        let sorted = versions.sorted { isBefore($0.cortexID, $1.cortexID) }
        var text = "## Concurrent edits detected\n\n**Trace:** \(traceID)\n"
        text += "**Conflicting origins:** \(sorted.map(\.label).joined(separator: ", "))\n"
        for version in sorted {
            text += "\n### Version from \(version.label)\n"
            text += "**Vector clock:** \(String(decoding: version.clock.json, as: UTF8.self))\n\n"
            let body = rules == .rust ? rightTrimmed(version.body) : version.body
            text += body.utf8.last == 0x0A ? body : body + "\n"
        }
        while text.unicodeScalars.last == "\n" { text.unicodeScalars.removeLast() }
        return text
    }

    /// Reads the sections back: name and prefix from the heading; the clock line is dropped.
    static func read(_ text: String) -> [NoemaVersion] {
        let heading = "### Version from "
        var versions: [NoemaVersion] = []
        var lines: [String] = []
        func close() {
            guard !versions.isEmpty else { return }
            if lines.first?.hasPrefix("**Vector clock:** ") == true { lines.removeFirst() }
            versions[versions.count - 1].body = trimmed(lines.joined(separator: "\n"))
        }
        // By scalars: to Swift's characters a CR LF is no line feed.
        for line in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
            guard line.hasPrefix(heading) else {
                lines.append(line)
                continue
            }
            close()
            lines = []
            let label = line.dropFirst(heading.count)
            let parts = label.hasSuffix(")") ? label.dropLast().split(separator: " (") : []
            versions.append(
                parts.count < 2
                    ? NoemaVersion(name: String(label), cortexID: "", clock: [:], body: "")
                    : NoemaVersion(
                        name: parts.dropLast().joined(separator: " ("), cortexID: String(parts[parts.count - 1]),
                        clock: [:], body: ""))
        }
        close()
        return versions
    }

    /// A display name, a full cortex id, or its first eight characters.
    func isNamed(_ origin: String) -> Bool {
        if name == origin || !cortexID.isEmpty && origin == cortexID { return true }
        return !cortexID.isEmpty && origin.utf8.count == ULID.length && origin.hasPrefix(cortexID)
    }

    private static func trimmed(_ text: String) -> String {
        String(rightTrimmed(text).drop(while: \.isWhitespace))
    }

    private static func rightTrimmed(_ text: String) -> String {
        var text = Substring(text)
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
