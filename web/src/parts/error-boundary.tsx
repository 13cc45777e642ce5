/** A room that fails says so, and leaves the others and what is saved as they are. */
import { Component, type ReactNode } from "react";
import { problemOf } from "../problems.js";
import { ProblemView } from "./problem-view.js";

interface ErrorBoundaryProps {
  /** Of the button that loads the page once more. */
  readonly again: string;
  readonly children: ReactNode;
}

export class ErrorBoundary extends Component<ErrorBoundaryProps, { readonly error?: Error }> {
  override readonly state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render(): ReactNode {
    const { again, children } = this.props;
    const { error } = this.state;
    if (!error) return children;
    return (
      <div className="page-failed">
        <ProblemView problem={problemOf(error)} />
        <button type="button" className="firm" onClick={() => location.reload()}>
          {again}
        </button>
      </div>
    );
  }
}
