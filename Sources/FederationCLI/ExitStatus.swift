/// The process's answer, one number for each class of failure. `docs/cli.md` lists them.
public enum ExitStatus: Int32, Sendable {
    case ok = 0
    case failure = 1
    case usage = 2
    case config = 3
    case unreachable = 4
    case identity = 5
    case degraded = 6
}
