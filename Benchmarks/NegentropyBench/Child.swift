import Foundation

/// Programs that measure one thing and print it.
enum Child {
    enum Failure: Error { case failed(String, status: Int32) }

    static var ownProgram: String { Bundle.main.executablePath ?? CommandLine.arguments[0] }

    static func output(of program: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure.failed(program, status: process.terminationStatus) }
        return String(decoding: output, as: UTF8.self)
    }
}
