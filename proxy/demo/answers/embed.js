/* Written for Consentry's demo. Acts as Instagram's embed.js does: it puts a frame where a quoted post stands. */
(function () {
  'use strict';
  window.instgrm = { Embeds: { process: function () {
    Array.prototype.forEach.call(document.querySelectorAll('blockquote.instagram-media'), function (quote) {
      var frame = document.createElement('iframe');
      frame.className = 'instagram-media instagram-media-rendered';
      frame.title = 'Instagram';
      frame.src = quote.getAttribute('data-instgrm-permalink').split('?')[0] + 'embed/captioned/?cr=1&v=14';
      frame.width = 400; frame.height = 480;
      quote.parentNode.replaceChild(frame, quote);
    });
  } } };
  window.instgrm.Embeds.process();
})();
