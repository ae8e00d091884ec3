import Federation
import FederationCore

/// Runs one command where it belongs: in the daemon that holds the database, or here when none runs.
struct Session {
    let arguments: ParsedArguments
    let console: Console

    /// Performs `name` and hands its JSON to `render`, or prints it as it is under `--json`.
    ///
    /// - Parameter render: prints the facts for people and says how the command ended.
    func perform(
        _ name: CommandName, _ body: (inout JSONWriter) -> Void = { _ in },
        status: (JSON) -> ExitStatus = { _ in .ok }, render: (JSON) -> Void
    ) async -> ExitStatus {
        do throws(CommandFailure) {
            let result = try await call(name, body)
            if arguments.json {
                console.print(String(decoding: result.raw, as: UTF8.self))
            } else {
                render(result)
            }
            return status(result)
        } catch {
            return report(error)
        }
    }

    func call(_ name: CommandName, _ body: (inout JSONWriter) -> Void = { _ in }) async throws(CommandFailure) -> JSON {
        var writer = JSONWriter()
        writer.object(body)
        let answer = try await CommandClient(configPath: arguments.configPath).perform(name, writer.bytes)
        do { return try JSON(answer) } catch { throw CommandFailure(.badRequest) }
    }

    func report(_ failure: CommandFailure) -> ExitStatus {
        if arguments.json { console.print(String(decoding: failure.json, as: UTF8.self)) }
        return FailureText(failure).print(on: console)
    }

    func usage(_ what: String, hint: String? = nil) -> ExitStatus {
        console.error(what, hint: hint)
        return .usage
    }

    /// The whole number an option gives, within bounds.
    func number(_ option: String, default fallback: Int, in bounds: ClosedRange<Int>) throws(OptionProblem) -> Int {
        guard let text = arguments.value(option) else { return fallback }
        guard let number = Int(text), bounds.contains(number) else {
            throw OptionProblem(what: "\(option) must be \(bounds.lowerBound) to \(bounds.upperBound)")
        }
        return number
    }
}

/// An option's value that cannot be used.
struct OptionProblem: Error { var what: String }
