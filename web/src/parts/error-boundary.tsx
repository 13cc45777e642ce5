/** A room that fails says so, and leaves the others and what is saved as they are. */
import { Component, type ReactNode } from "react";

interface ErrorBoundaryProps {
  readonly title: string;
  readonly again: string;
  readonly children: ReactNode;
}

export class ErrorBoundary extends Component<ErrorBoundaryProps, { readonly error?: Error }> {
  override readonly state: { readonly error?: Error } = {};

  static getDerivedStateFromError(error: Error) {
    return { error };
  }

  override render(): ReactNode {
    const { title, again, children } = this.props;
    const { error } = this.state;
    if (!error) return children;
    return (
      <div className="problem" role="alert">
        <strong>{title}</strong>
        <p>{error.message}</p>
        <button type="button" className="firm" onClick={() => location.reload()}>
          {again}
        </button>
      </div>
    );
  }
}
