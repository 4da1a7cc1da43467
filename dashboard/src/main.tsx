import './styles/base.css';
import './styles/parts.css';
import './styles/pages.css';
import 'uplot/dist/uPlot.min.css';
import { render } from 'preact';
import { App } from './app';
import { LiveProvider } from './live';
import { applyTheme, storedTheme } from './theme';

applyTheme(storedTheme());
const root = document.getElementById('app');
if (root) {
  root.replaceChildren();
  render(
    <LiveProvider>
      <App />
    </LiveProvider>,
    root,
  );
}
