import Federation
import FederationCore

/// `federation verify --self`.
enum VerifySelf {
    static func run(_ session: Session) async -> ExitStatus {
        let display = ProgressDisplay.forCommand("verifying", unit: "steps", session)
        let (steps, step) = AsyncStream.makeStream(of: (Int64, Int64).self, bufferingPolicy: .bufferingNewest(1))
        let showing = Task { for await (done, total) in steps { await display?.reached(done, of: total) } }
        let found: Result<SelfVerification, CommandFailure>
        do throws(CommandFailure) {
            found = .success(
                try await SelfVerification.run(configPath: session.arguments.configPath) { step.yield(($0, $1)) })
        } catch {
            found = .failure(error)
        }
        step.finish()
        await showing.value
        await display?.end()
        do throws(CommandFailure) { return show(try found.get(), session) } catch { return session.report(error) }
    }

    private static func show(_ found: SelfVerification, _ session: Session) -> ExitStatus {
        let (audit, console) = (found.audit, session.console)
        let status: ExitStatus = found.isGood ? .ok : .degraded
        if session.arguments.json {
            console.print(String(decoding: found.json, as: UTF8.self))
            return status
        }
        for finding in audit.findings { console.print(line(finding)) }
        let omitted = Int64(audit.findingCount - audit.findings.count)
        if omitted > 0 { console.print("… and \(counted(omitted, "more finding"))") }
        let size = "\(counted(audit.events, "event")), \(counted(audit.records, "record"))"
        console.print(found.isGood ? "everything is right: \(size)" : "\(counted(Int64(audit.findingCount), "finding")): \(size)")
        console.print("signatures: \(words(audit.signatures))")
        if !audit.isComplete { console.print("the file could not be read to its end") }
        var hints: [String] = []
        for finding in audit.findings where !hints.contains(finding.kind.hint) { hints.append(finding.kind.hint) }
        for hint in hints { console.note("federation: hint: \(hint)") }
        return status
    }

    private static func line(_ finding: LogFinding) -> String {
        finding.about.isEmpty ? finding.kind.words : "\(finding.kind.words): \(finding.about.escapedForTerminal)"
    }

    private static func words(_ signatures: LogAudit.Signatures) -> String {
        [
            "\(grouped(signatures.verified)) verified", "\(grouped(signatures.unsigned)) unsigned",
            "\(grouped(signatures.keyUnknown)) by a key that is not known", "\(grouped(signatures.bad)) bad",
        ].joined(separator: ", ")
    }
}
