import Federation
import FederationCrypto
import FederationStore
import Glibc
#if FAIL_POINTS
    import FailPoints
#endif

@main
struct Main {
    static func main() async {
        standInForClosedDescriptors()
        // A reader that goes away (`federation events | head`) ends the write, not the process.
        signal(SIGPIPE, SIG_IGN)
        // Inherited as ignored, it has the system forget how a replayer's program ended.
        signal(SIGCHLD, SIG_DFL)
        LibCrypto.stayUntilTheEnd()
        SQLiteMemory.stopCounting()
        #if FAIL_POINTS
            FailPoint.arm()
        #endif
        let status = await run(Array(CommandLine.arguments.dropFirst()))
        exit((status == .ok ? ofOutput : status).rawValue)
    }

    /// A command that did what it should, and could not say what came of it, has failed.
    private static var ofOutput: ExitStatus {
        guard let code = Console.outputFailure else { return .ok }
        Console().error("cannot write to standard output: \(String(cString: strerror(code)))")
        return .failure
    }

    /// Whoever starts this with a standard descriptor closed would have what is opened next take its number, and what is
    /// said there: of a daemon's own sockets, perhaps.
    private static func standInForClosedDescriptors() {
        for descriptor in Int32(0)...2 where fcntl(descriptor, F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
    }

    private static func run(_ arguments: [String]) async -> ExitStatus {
        let console = Console()
        let parser = ArgumentParser(commands: allCommands)
        do throws(UsageProblem) {
            switch try parser.parse(arguments) {
            case .version: console.print("federation \(programVersion)")
            case .help(nil): console.print(HelpText.overview(allCommands))
            case .help(let command?): console.print(HelpText.command(command))
            case .groupHelp(let group): console.print(HelpText.group(group, allCommands))
            case .reasonHelp(let topic): console.print(ReasonHelp.text(of: topic))
            case .run(let command, let parsed):
                return await command.run(parsed, Console(asks: !parsed.has("--no-input")))
            }
            return .ok
        } catch {
            let (what, hint) = error.words
            console.error(what, hint: hint)
            return .usage
        }
    }
}

/// Every command, in the order help lists them.
let allCommands: [CommandDefinition] = [
    initCommand, runCommand, syncCommand, putCommand, recordsCommand, showCommand, eventsCommand, divergencesCommand,
    resolveCommand, archiveCommand, unarchiveCommand, trashCommand, recoverCommand, purgeCommand,
    forgetOriginCommand, trustKeyCommand,
    quarantineListCommand, quarantineShowCommand, quarantineRetryCommand, quarantineDropCommand,
    replayerShowCommand, replayerRetryCommand, replayerSkipCommand, replayerRewindCommand,
    statusCommand, whyCommand, importCommand, exportCommand, backupCommand, restoreCommand, compactCommand, identityShowCommand,
    identityRecoverCommand, identityNewCommand,
    identityRenameCommand, keygenCommand, keyFingerprintCommand, keyNewCommand,
    peersCommand, historyCommand, testPeerCommand, previewCommand, addPeerCommand, pairCommand, resetPeerCommand,
    removePeerCommand, pausePeerCommand, resumePeerCommand, setModeCommand, reloadCommand,
    verifyCommand, checkCommand, simulateCommand, servicePrintCommand, supportCommand, completionCommand, manualCommand,
]
