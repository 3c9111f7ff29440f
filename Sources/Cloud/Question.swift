import Foundation
public import Kit

/// A verb's question to the cloud's API. What goes wrong becomes a `CloudProblem` that says what to do.
public struct Question: Sendable {
  let state: StateDirectory
  let cloud: String

  /// Asks as one of the clouds of `clouds.yaml`: `haneul-admin`, or `haneul`, a plain member.
  public init(state: StateDirectory, cloud: String) {
    self.state = state
    self.cloud = cloud
  }

  /// Who asks where nothing else is said.
  public static let admin = CloudsYAML.adminCloud

  /// The answer: plain text for people, or JSON. Throws `CloudProblem`.
  public func get(_ path: String, json: Bool) async throws -> String {
    try await ask { client in
      if json { return try await client.get(path).text + "\n" }
      return try await client.text(path)
    }
  }

  /// Sends a request and returns the answer's JSON. Throws `CloudProblem`.
  @discardableResult
  public func send(_ method: String, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
    try await ask { try await $0.send(method, path, body) }
  }

  private func ask<T: Sendable>(_ body: @Sendable (APIClient) async throws -> T) async throws -> T {
    guard [CloudsYAML.adminCloud, CloudsYAML.memberCloud].contains(cloud) else {
      throw CloudProblem(
        "There is no cloud \(cloud) in \(state.cloudsYAML): it has \(CloudsYAML.adminCloud) and "
          + "\(CloudsYAML.memberCloud).")
    }
    // The client would try for a minute: whoever asks what is wrong should not wait for that.
    if let settings = try state.readSettings(), await APIClient.answering(settings) == nil { throw silence }
    do {
      return try await body(try await APIClient(state: state, cloud: cloud))
    } catch let problem as CloudProblem {
      throw problem
    } catch let refused as APIClient.Refused {
      throw CloudProblem(Self.words(refused))
    } catch {
      throw silence
    }
  }

  private var silence: CloudProblem {
    CloudProblem(
      "The cloud's API does not answer. Is control down? `haneul status` tells, `haneul up` starts it, and its log is "
        + "\(state.log(.control)).")
  }

  /// A refusal in its own words, with what the caller may choose from.
  private static func words(_ refused: APIClient.Refused) -> String {
    guard let message = refused.fault["message"]?.string else { return refused.description }
    let candidates = refused.fault["candidates"]?.array ?? []
    let lines = candidates.map { candidate in
      let kind = candidate["kind"]?.string ?? ""
      return "  haneul explain --kind \(kind) \(candidate["id"]?.string ?? "")   \(candidate["what"]?.string ?? "")"
        + " \(candidate["name"]?.string ?? "")"
    }
    return ([message] + lines).joined(separator: "\n")
  }

  /// A text as one segment of a path.
  public static func segment(_ text: String) -> String {
    let plain = CharacterSet(charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? text
  }
}
