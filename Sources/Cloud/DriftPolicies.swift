import Explain

/// What is done about each kind of drift: declared in code, so that it can be told without a cloud.
public enum DriftPolicies {
  /// For people, several lines.
  public static var text: String { ExplainService.driftPolicies }

  /// For programs: `{"policies": […]}` as the API says it.
  public static var json: String { ExplainService.driftPoliciesJSON }
}
