internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Every problem of a configuration, its database and its identity, in one run. Changes nothing.
public struct NodeCheck: Sendable {
    /// `file:line:column: path: what is wrong`, or `file: what is wrong`.
    public private(set) var problems: [String] = []
    public private(set) var warnings: [String] = []
    /// What is wrong is who this node is, not what its configuration says.
    public private(set) var isIdentity = false

    /// - Parameter deep: also reads the whole database for damage, which takes a while.
    public static func run(configPath: String, deep: Bool) async -> NodeCheck {
        var check = NodeCheck()
        let file: ConfigFile
        do { file = try ConfigFile.load(configPath) } catch {
            check.problems = error.lines(in: configPath)
            return check
        }
        check.warnings = file.decoded.warnings.map { $0.line(in: configPath) }
        let directory = NodeDirectory(file.dataDirectory)
        guard directory.hasDatabase else {
            let at = file.decoded.mark(of: [.key("data")])
            check.problems.append("\(configPath):\(at): data: no database in \(directory.path); 'federation init' makes one")
            return check
        }
        do { _ = try SigningKeyFile.read(directory.signingKey) } catch {
            check.addIdentity("\(directory.signingKey): \(CommandFailure(error, path: directory.signingKey).facts["why"] ?? "")")
        }
        await check.checkDatabase(directory, deep: deep)
        return check
    }

    private mutating func addIdentity(_ problem: String) {
        problems.append(problem)
        isIdentity = true
    }

    private mutating func checkDatabase(_ directory: NodeDirectory, deep: Bool) async {
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: directory.database, access: .readOnly)
            let found = try DatabaseFileIdentity(of: directory.database)
            let meta = try await store.read { (log) throws(StoreFailure) in try log.allMeta() }
            if meta[.identity].flatMap({ ULID($0) }) == nil { addIdentity("\(directory.database): it names no identity") }
            switch NodeStop(meta: meta, found: found) {
            case .copied: addIdentity("\(directory.database): this is a copy: it was made for another place")
            case .behind: addIdentity("\(directory.database): it is older than what its node has published")
            case nil: break
            }
            if let machine = meta[.machine], let here = machineIdentity(sha256)?.hex, machine != here {
                warnings.append("\(directory.database): it was made on another machine")
            }
            if deep, try await !store.isSound() { problems.append("\(directory.database): the database is damaged") }
            await store.close()
        } catch {
            let facts = CommandFailure(error).facts
            problems.append("\(directory.database): cannot be used: \(facts["store"] ?? "")")
        }
    }

    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("ok", problems.isEmpty)
            $0.member("problems", problems)
            $0.member("warnings", warnings)
        }
        return writer.bytes
    }
}
