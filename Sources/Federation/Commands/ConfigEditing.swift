internal import FederationConfig
package import FederationCore
internal import FederationCrypto

/// Changing a configuration file by splicing its text, so that comments, order and layout stay. A daemon that runs by
/// the file is told, and takes the change in at once.
///
/// Each gives the facts as JSON (`docs/cli.md`); with `dryRun` it changes nothing and tells nobody.
package struct ConfigEditing: Sendable {
    private let configPath: String
    private let dryRun: Bool

    package init(configPath: String, dryRun: Bool) {
        self.configPath = configPath
        self.dryRun = dryRun
    }

    /// Takes a peer out. What is known of it (its pin, its cursor, its health) stays in the database unless `forget`.
    ///
    /// With `forget` also one that was taken out before.
    package func removePeer(_ name: String, forget: Bool) async throws(CommandFailure) -> [UInt8] {
        let edit: Edit?
        do throws(CommandFailure) {
            edit = try await self.edit(["name": name]) { (editor, _) throws(ConfigEditFailure) in
                try editor.removing(peer: name)
            }
        } catch {
            guard forget, error.code == .unknownPeer else { throw error }
            edit = nil
        }
        var forgotten: Int64?
        if forget {
            let arguments = jsonObject {
                $0.member("peer", name)
                $0.member("dry_run", dryRun)
            }
            let answer = try await CommandClient(configPath: configPath).perform(.forgetPeer, arguments)
            forgotten = (try? JSON(answer))?["forgotten"]?.integer ?? 0
            if edit == nil, forgotten == 0 {
                let known = try loadConfig(configPath).config.peers.map(\.name)
                throw CommandFailure(.unknownPeer, ["peer": name], list: known)
            }
        }
        return jsonObject { writer in
            (edit ?? Edit(facts: ["name": name])).write(to: &writer, configPath, dryRun)
            if let forgotten { writer.member("forgotten", forgotten) }
        }
    }

    /// Neither polls nor serves a peer any more, until it is resumed.
    package func pausePeer(_ name: String) async throws(CommandFailure) -> [UInt8] {
        try await ofPeer(name) { (editor) throws(ConfigEditFailure) in try editor.pausing(peer: name) }
    }

    /// Puts a paused peer back into the mode that its entry keeps, `sync` where it keeps none.
    package func resumePeer(_ name: String) async throws(CommandFailure) -> [UInt8] {
        try await ofPeer(name) { (editor) throws(ConfigEditFailure) in try editor.resuming(peer: name) }
    }

    /// Gives a peer another mode. One that is paused stays so.
    package func setMode(_ mode: NodeMode, ofPeer name: String) async throws(CommandFailure) -> [UInt8] {
        try await ofPeer(name) { (editor) throws(ConfigEditFailure) in try editor.setting(mode: mode, ofPeer: name) }
    }

    /// Gives the node another mode.
    package func setMode(_ mode: NodeMode) async throws(CommandFailure) -> [UInt8] {
        try await perform { (editor, facts) throws(ConfigEditFailure) in
            facts = ["from": editor.config.mode.rawValue, "to": mode.rawValue]
            return try editor.setting(mode: mode)
        }
    }

    /// Gives the node another name. Its identity stays.
    package func rename(to name: String) async throws(CommandFailure) -> [UInt8] {
        try await perform { (editor, facts) throws(ConfigEditFailure) in
            facts = ["from": editor.config.name, "to": name]
            return try editor.renaming(to: name)
        }
    }

    // MARK: How

    /// A change of one peer's mode, with what it was and is.
    private func ofPeer(
        _ name: String, _ change: (ConfigEditor) throws(ConfigEditFailure) -> [UInt8]
    ) async throws(CommandFailure) -> [UInt8] {
        try await perform(["name": name]) { (editor, facts) throws(ConfigEditFailure) in
            let new = try change(editor)
            func peer(_ config: Config?) -> Config.Peer? { config?.peers.first { $0.name == name } }
            let (was, becomes) = (peer(editor.config), peer(try? Config.decode(new).get().config))
            facts = ["name": name, "from": was?.mode.rawValue ?? "", "to": becomes?.mode.rawValue ?? ""]
            if becomes?.mode == .paused { facts["resumes_as"] = becomes?.resumesAs.rawValue }
            return new
        }
    }

    func perform(
        _ facts: [String: String] = [:],
        _ change: (ConfigEditor, inout [String: String]) throws(ConfigEditFailure) -> [UInt8]
    ) async throws(CommandFailure) -> [UInt8] {
        let edit = try await edit(facts, change)
        return jsonObject { edit.write(to: &$0, configPath, dryRun) }
    }

    /// What a change came to.
    private struct Edit {
        var facts: [String: String]
        var changed = false
        var diff = LineDiff(from: [], to: [])
        var told: DaemonWord?

        func write(to writer: inout JSONWriter, _ configPath: String, _ dryRun: Bool) {
            for (key, value) in facts.sorted(by: { $0.key < $1.key }) { writer.member(key, value) }
            writer.member("config", configPath)
            writer.member("dry_run", dryRun)
            writer.member("changed", changed)
            writer.member("lines_added", diff.added)
            writer.member("lines_removed", diff.removed)
            writer.member("diff", diff.lines)
            if let told { writer.member("daemon", told.rawValue) }
        }
    }

    /// Reads the file, changes its text, and puts the new one in its place.
    ///
    /// - Parameter change: gives the new text, and what there is to say of it.
    private func edit(
        _ facts: [String: String],
        _ change: (ConfigEditor, inout [String: String]) throws(ConfigEditFailure) -> [UInt8]
    ) async throws(CommandFailure) -> Edit {
        var edit = Edit(facts: facts)
        let (old, new) = try edited(&edit.facts, change)
        edit.changed = old != new
        edit.diff = LineDiff(from: old, to: new)
        if !dryRun, old != new { edit.told = await tellDaemon(of: new) }
        return edit
    }

    private func edited(
        _ facts: inout [String: String],
        _ change: (ConfigEditor, inout [String: String]) throws(ConfigEditFailure) -> [UInt8]
    ) throws(CommandFailure) -> (old: [UInt8], new: [UInt8]) {
        // Where there is no such file, that is what is said.
        _ = try loadConfig(configPath)
        let replacement: ConfigReplacement
        do throws(FileFailure) { replacement = try ConfigReplacement(of: configPath) } catch { throw unwritable(error) }
        let file = try loadConfig(configPath)
        let new = try changed(file, &facts, change)
        if dryRun || new == file.bytes { return (file.bytes, new) }
        do throws(ConfigReplacement.Failure) {
            try replacement.replace(file.bytes, with: new) { try? ConfigFile.read(configPath) }
        } catch {
            switch error {
            case .file(let failure): throw unwritable(failure)
            case .changedMeanwhile:
                throw unedited("it was changed at the same time", hint: "nothing was written: try again")
            }
        }
        return (file.bytes, new)
    }

    private func changed(
        _ file: ConfigFile, _ facts: inout [String: String],
        _ change: (ConfigEditor, inout [String: String]) throws(ConfigEditFailure) -> [UInt8]
    ) throws(CommandFailure) -> [UInt8] {
        do throws(ConfigEditFailure) {
            return try change(try ConfigEditor(file.bytes), &facts)
        } catch {
            switch error {
            case .problemsBefore(let problems), .problemsAfter(let problems):
                throw CommandFailure(.configProblems, list: problems.lines(in: configPath))
            case .unknownPeer:
                throw CommandFailure(.unknownPeer, ["peer": facts["name"] ?? ""], list: file.config.peers.map(\.name))
            case .layout:
                throw unedited("its layout is unusual", hint: "change it by hand; a running daemon takes that in as well")
            }
        }
    }

    private func unedited(_ why: String, hint: String) -> CommandFailure {
        CommandFailure(.configEdit, ["file": configPath, "why": why, "hint": hint])
    }

    private func unwritable(_ failure: FileFailure) -> CommandFailure {
        unedited(SystemText.of(failure.code), hint: "is the directory writable?")
    }

    /// Tells the daemon that runs by this file, if one does.
    private func tellDaemon(of bytes: [UInt8]) async -> DaemonWord {
        let answer: [UInt8]
        do throws(CommandFailure) {
            guard let found = try await CommandClient(configPath: configPath).askDaemon(.reload) else { return .none }
            answer = found
        } catch {
            return .notTaken
        }
        let digest = (try? JSON(answer))?["config"]?["digest"]?.string
        return digest == sha256(bytes).hex ? .taken : .notTaken
    }

    /// What became of the change in a daemon.
    private enum DaemonWord: String {
        case none, taken
        case notTaken = "not_taken"
    }
}
